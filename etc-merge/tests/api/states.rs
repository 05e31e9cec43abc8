//! The states of one path `p` that the recorded cases name.

use etc_merge::{Kind, MemoryTree, Node};

/// A tree that holds `p` in the state of this name; the names are explained in the recorded file.
pub(crate) fn tree(state: &str) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut put = |path: &str, node| tree.insert(path.as_bytes(), node).unwrap();
    let file = |content: &str| Node::new(Kind::File, content.as_bytes());
    let directory = || Node::new(Kind::Directory, b"");
    match state {
        "A" => {}
        "F1" => put("p", file("1")),
        "F2" => put("p", file("2")),
        "F3" => put("p", file("3")),
        "F1m" => put("p", file("1").with_mode(0o600)),
        "F1o" => put("p", file("1").with_owner(1000, 0)),
        "L1" => put("p", Node::new(Kind::Symlink, b"x")),
        "L2" => put("p", Node::new(Kind::Symlink, b"y")),
        "E" => put("p", directory()),
        "Em" => put("p", directory().with_mode(0o700)),
        "P" => put("p", Node::new(Kind::Fifo, b"")),
        "D1" | "D2" | "D1m" | "Dx" | "Dd" => {
            put("p", if state == "D1m" { directory().with_mode(0o700) } else { directory() });
            match state {
                "D2" => put("p/c", file("2")),
                "Dd" => {
                    put("p/c", directory());
                    put("p/c/z", file("z"));
                }
                _ => put("p/c", file("1")),
            }
            if state == "Dx" {
                put("p/x", file("x"));
            }
        }
        other => panic!("no such state: {other}"),
    }
    tree
}

/// A tree as the recorded file writes one that has no name: `{path:type,mode,uid[,content]; ...}`.
pub(crate) fn described(text: &str) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for entry in text.trim_matches(['{', '}']).split("; ") {
        let (path, fields) = entry.split_once(':').unwrap();
        let fields: Vec<_> = fields.split(',').collect();
        let content = fields.get(3).unwrap_or(&"").as_bytes();
        let kind = match fields[0] {
            "d" => Kind::Directory,
            "f" => Kind::File,
            "l" => Kind::Symlink,
            other => panic!("no such type: {other}"),
        };
        let mode = u32::from_str_radix(fields[1], 8).unwrap();
        let node = Node::new(kind, content).with_mode(mode).with_owner(fields[2].parse().unwrap(), 0);
        let path = if path == "." { "p".to_owned() } else { format!("p/{path}") };
        tree.insert(path.as_bytes(), node).unwrap();
    }
    tree
}
