//! Reading and changing single settings of the repository's `config`, in GKeyFile's text form.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::config::{self, Config, MAX_CONFIG_BYTES};
use super::{Repo, RepoError};

impl Repo {
    /// The value of `key` in `[group]` of the config; `None` if it has none.
    ///
    /// # Errors
    /// As of the file system.
    pub fn setting(&self, group: &str, key: &str) -> Result<Option<String>, RepoError> {
        Ok(config::value(&config::text(&self.directory)?, group, key).map(unescaped))
    }

    /// The groups of the config, in order.
    ///
    /// # Errors
    /// As of the file system.
    pub fn setting_groups(&self) -> Result<BTreeSet<String>, RepoError> {
        let text = config::text(&self.directory)?;
        Ok(text.lines().filter_map(header).map(String::from).collect())
    }

    /// Gives keys of `[group]` values, or takes them out where there is none, in one write. Everything else, comments
    /// too, stays as it is. The repository that is open already does not heed it.
    ///
    /// # Errors
    /// If group, key or value cannot be in such a file, the repository could not be opened with it, or as of the file
    /// system: then nothing was changed.
    pub fn set_settings(&self, group: &str, settings: &[(&str, Option<&str>)]) -> Result<(), RepoError> {
        self.edit_config(
            |text| {
                let mut text = String::from(text);
                for (key, value) in settings {
                    let is_key = |key: &str| {
                        !key.is_empty()
                            && key.trim() == key
                            && !key.contains(|one: char| one.is_control() || "=[]".contains(one))
                    };
                    if !is_key(key) {
                        return Err(RepoError::Config { rule: "not a name that a key can have" });
                    }
                    text = edited(&text, group, key, value.map(escaped).as_deref());
                }
                Ok(text)
            },
            group,
        )
    }

    /// Takes `[group]` out of the config with everything in it.
    ///
    /// # Errors
    /// As [`set_settings`](Self::set_settings).
    pub fn remove_settings(&self, group: &str) -> Result<(), RepoError> {
        self.edit_config(|text| Ok(without_group(text, group)), group)
    }

    fn edit_config(
        &self,
        edit: impl FnOnce(&str) -> Result<String, RepoError>,
        group: &str,
    ) -> Result<(), RepoError> {
        if group.is_empty() || group.contains(|one: char| one.is_control() || "[]".contains(one)) {
            return Err(RepoError::Config { rule: "not a name that a group can have" });
        }
        let text = edit(&config::text(&self.directory)?)?;
        Config::parse(&text)?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_CONFIG_BYTES) {
            return Err(RepoError::Config { rule: "more than can be read again" });
        }
        self.replace("config", text.as_bytes())
    }
}

fn header(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']')
}

/// The text with the key's value in that group replaced or taken out, or a new one at the end of the group. Of several
/// values, of which the last one counts, one is left.
fn edited(text: &str, group: &str, key: &str, value: Option<&str>) -> String {
    let line = value.map(|value| format!("{key}={value}"));
    let heading = format!("[{group}]");
    let mut lines: Vec<&str> = Vec::new();
    let (mut is_group, mut end, mut is_done) = (false, None, line.is_none());
    for old in text.lines() {
        is_group = header(old).map_or(is_group, |name| name == group);
        if is_group
            && header(old).is_none()
            && old.split_once('=').is_some_and(|(name, _)| name.trim() == key)
        {
            if let (false, Some(line)) = (is_done, &line) {
                lines.push(line);
                is_done = true;
            }
        } else {
            lines.push(old);
        }
        if is_group && !old.trim().is_empty() {
            end = Some(lines.len());
        }
    }
    if let (false, Some(line)) = (is_done, &line) {
        if let Some(end) = end {
            lines.insert(end, line);
        } else {
            if lines.last().is_some_and(|line| !line.trim().is_empty()) {
                lines.push("");
            }
            lines.extend([&*heading, line]);
        }
    }
    joined(&lines)
}

fn without_group(text: &str, group: &str) -> String {
    let mut is_group = false;
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| {
            is_group = header(line).map_or(is_group, |name| name == group);
            !is_group
        })
        .collect();
    let end = kept.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last.saturating_add(1));
    joined(kept.get(..end).unwrap_or_default())
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// As `g_key_file_set_string` writes it.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    let mut is_start = true;
    for one in value.chars() {
        match one {
            ' ' if is_start => text.push_str("\\s"),
            '\t' if is_start => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\\' => text.push_str("\\\\"),
            one => text.push(one),
        }
        is_start = is_start && matches!(one, ' ' | '\t');
    }
    text
}

/// As `g_key_file_get_string` reads it; what is no escape stays.
fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value.chars();
    while let Some(one) = rest.next() {
        if one != '\\' {
            text.push(one);
            continue;
        }
        match rest.next() {
            Some('s') => text.push(' '),
            Some('t') => text.push('\t'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('\\') => text.push('\\'),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# mine\n[core]\nrepo_version=1\nmode = bare\n\n[a b]\nk=1\nk=2\n# note\n\n[core]\nfsync=true\n";

    #[test]
    fn one_setting_changes_and_nothing_else() {
        let set = |group, key, value| edited(TEXT, group, key, value);
        assert_eq!(set("core", "fsync", Some("false")), TEXT.replace("fsync=true", "fsync=false"));
        assert_eq!(set("core", "mode", Some("archive")), TEXT.replace("mode = bare", "mode=archive"));
        assert_eq!(set("core", "new", Some("x")), format!("{TEXT}new=x\n"));
        assert_eq!(set("a b", "n", Some("x")), TEXT.replace("# note\n", "# note\nn=x\n"));
        assert_eq!(set("c", "n", Some("x")), format!("{TEXT}\n[c]\nn=x\n"));
        assert_eq!(set("a b", "k", Some("3")), TEXT.replace("k=1\nk=2\n", "k=3\n"));
        assert_eq!(set("a b", "k", None), TEXT.replace("k=1\nk=2\n", ""));
        assert_eq!(set("c", "n", None), TEXT);
        assert_eq!(without_group(TEXT, "core"), "# mine\n[a b]\nk=1\nk=2\n# note\n");
        assert_eq!(without_group(TEXT, "c"), TEXT);
    }

    #[test]
    fn values_are_escaped_as_gkeyfile_does() {
        for (value, text) in [("a b", "a b"), ("  \ta b ", "\\s\\s\\ta b "), ("a\\sb\n", "a\\\\sb\\n")] {
            assert_eq!((&*escaped(value), &*unescaped(text)), (text, value));
        }
        assert_eq!(unescaped("\\q\\"), "\\q\\");
    }
}
