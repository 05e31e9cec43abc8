//! Patterns for paths.

/// Whether `pattern` matches the whole of `path`. Both are relative to /etc, without a leading `/`.
///
/// `?` matches one byte and `*` any number of bytes, but never `/`; `**` matches any number of bytes,
/// `/` included; `[a-z]` and `[!a-z]` one byte in or out of a set (never `/`); `\` takes the next byte as
/// it is. The time needed grows with the pattern's length times the square of the path's, never faster.
///
/// ```
/// use etc_merge::glob_matches;
/// assert!(glob_matches(b"ssh/*_key", b"ssh/ssh_host_rsa_key"));
/// assert!(!glob_matches(b"*", b"ssh/sshd_config"));
/// assert!(glob_matches(b"ssh/**", b"ssh/sshd_config.d/50-x.conf"));
/// ```
#[must_use]
pub fn glob_matches(pattern: &[u8], path: &[u8]) -> bool {
    let (mut rest, mut text) = (pattern, path);
    // Where to try again with one more byte eaten: by the last `*`, and by the last `**`.
    let mut star: Option<(&[u8], &[u8])> = None;
    let mut deep: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(after) = rest.strip_prefix(b"**") {
            rest = after;
            deep = Some((after, text));
            star = None;
            continue;
        }
        if let Some(after) = rest.strip_prefix(b"*") {
            rest = after;
            star = Some((after, text));
            continue;
        }
        if rest.is_empty() && text.is_empty() {
            return true;
        }
        if let Some((after, tail)) = one(rest, text) {
            (rest, text) = (after, tail);
            continue;
        }
        // A `*` may eat any byte but the separator; then the last `**` has to eat more.
        if let Some((after, [_, tail @ ..])) = star.filter(|(_, eaten)| eaten.first() != Some(&b'/')) {
            (rest, text, star) = (after, tail, Some((after, tail)));
            continue;
        }
        let Some((after, [_, tail @ ..])) = deep else { return false };
        (rest, text, star, deep) = (after, tail, None, Some((after, tail)));
    }
}

/// Matches one byte of `text` with the first item of `pattern`: what is left of both.
fn one<'a>(pattern: &'a [u8], text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (&byte, tail) = text.split_first()?;
    match pattern {
        [b'?', rest @ ..] => (byte != b'/').then_some((rest, tail)),
        [b'[', rest @ ..] => {
            set(rest, byte).filter(|(_, inside)| *inside && byte != b'/').map(|(rest, _)| (rest, tail))
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some((rest, tail)),
        [] => None,
    }
}

/// Whether `byte` is in the set that starts after `[`, and what follows the set; `None` if it never ends.
fn set(pattern: &[u8], byte: u8) -> Option<(&[u8], bool)> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut inside, mut first) = (false, true);
    loop {
        rest = match rest {
            [b']', rest @ ..] if !first => return Some((rest, inside != negated)),
            [from, b'-', to, rest @ ..] if *to != b']' => {
                inside |= (*from..=*to).contains(&byte);
                rest
            }
            [single, rest @ ..] => {
                inside |= *single == byte;
                rest
            }
            [] => return None,
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    #[test]
    fn stars_stop_at_a_separator_and_double_stars_do_not() {
        for (pattern, path, expected) in [
            ("passwd", "passwd", true),
            ("passwd", "passwd-", false),
            ("*.conf", "a.conf", true),
            ("*.conf", "d/a.conf", false),
            ("**/*.conf", "d/e/a.conf", true),
            ("**/*.conf", "a.conf", false),
            ("**.conf", "a.conf", true),
            ("a/*/c", "a/b/c", true),
            ("a/*/c", "a/b/b/c", false),
            ("a/**/c", "a/b/b/c", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("a[!x]b", "a/b", false),
            ("[]]", "]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("**a*/b", "x/ya/za/b", true),
            ("", "", true),
            ("[a", "a", false),
        ] {
            assert_eq!(glob_matches(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat_bytes(64);
        assert!(!glob_matches(&pattern, &[b'a'; 2048]));
    }

    trait Repeat {
        fn repeat_bytes(&self, times: usize) -> heapless::Vec<u8, 256>;
    }
    impl Repeat for str {
        fn repeat_bytes(&self, times: usize) -> heapless::Vec<u8, 256> {
            let mut all = heapless::Vec::new();
            for _ in 0..times {
                all.extend_from_slice(self.as_bytes()).unwrap();
            }
            all.push(b'b').unwrap();
            all
        }
    }
}
