//! Paths as text: the library opens nothing, so links play no part.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// `path` from `directory` on, without `.`, `..`, empty parts and a `/` at its end. A relative path stays
/// relative if no directory is known (an empty text).
pub(crate) fn resolve(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        return clean(path);
    }
    clean(&alloc::format!("{directory}/{path}"))
}

/// `path` without `.`, empty parts, a `/` at its end, and `..` where it can be resolved.
pub(crate) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => drop(parts.pop()),
                None if absolute => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => alloc::format!("/{joined}"),
        (false, true) => ".".to_string(),
        (false, false) => joined,
    }
}

/// The directory that a file is in. Empty for a name alone.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
        None => "",
    }
}

/// The last part of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_as_text() {
        for (directory, path, resolved) in [
            ("/a/b", "c", "/a/b/c"),
            ("/a/b", "./c/", "/a/b/c"),
            ("/a/b", "../../../c", "/c"),
            ("/a/b", "/x//y/./z/..", "/x/y"),
            ("/a/b", ".", "/a/b"),
            ("/", ".", "/"),
            ("", "./c/../d", "d"),
            ("", "../c", "../c"),
            ("", ".", "."),
            ("", "../../a/../..", "../../.."),
        ] {
            assert_eq!(resolve(directory, path), resolved, "{directory} {path}");
        }
        assert_eq!((parent("/a/b"), parent("/a"), parent("a")), ("/a", "/", ""));
    }
}
