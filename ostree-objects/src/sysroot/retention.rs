//! Which deployments stay: the pinned ones, those of other stateroots, the running one, and what was carried over.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Deployment, Sysroot, SysrootError};

/// The group of `.origin` for what belongs to a deployment only, not to those that follow it.
const GROUP: &str = "[libostree-transient]";
/// The key in it.
const PINNED: &str = "pinned";

impl Sysroot {
    /// The order after a deployment: `new` in front, behind it what libostree keeps of the present order: `booted`,
    /// `merge` (whose /etc was carried over), what is pinned, and the deployments of other stateroots.
    ///
    /// # Errors
    /// As of [`deployments`](Self::deployments) and [`is_pinned`](Self::is_pinned).
    pub fn order_with(
        &self,
        new: &Deployment,
        booted: Option<&Deployment>,
        merge: Option<&Deployment>,
    ) -> Result<Vec<Deployment>, SysrootError> {
        let mut order = Vec::from([new.clone()]);
        for old in self.deployments()?.into_iter().filter(|old| !old.is_same(new)) {
            let is_used = [booted, merge].into_iter().flatten().any(|used| used.is_same(&old));
            if is_used || old.stateroot != new.stateroot || self.is_pinned(&old)? {
                order.push(old);
            }
        }
        Ok(order)
    }

    /// The order without `deployment`, as `ostree admin undeploy`; `None` if it is not in the order, is running, or
    /// is the only one. Pinned ones go, too: whoever names one means it.
    ///
    /// # Errors
    /// As of [`deployments`](Self::deployments).
    pub fn order_without(
        &self,
        deployment: &Deployment,
        booted: Option<&Deployment>,
    ) -> Result<Option<Vec<Deployment>>, SysrootError> {
        let mut order = self.deployments()?;
        let before = order.len();
        order.retain(|other| !other.is_same(deployment));
        let is_booted = booted.is_some_and(|booted| booted.is_same(deployment));
        Ok((order.len() < before && !order.is_empty() && !is_booted).then_some(order))
    }

    /// Whether a deployment stays whatever comes after it.
    ///
    /// # Errors
    /// As of the file system.
    pub fn is_pinned(&self, deployment: &Deployment) -> Result<bool, SysrootError> {
        let origin = deployment.origin();
        Ok(self.disk.exists(&origin) && is_pinned(&self.disk.read_text(&origin)?))
    }

    /// Pins a deployment, or no longer: `ostree admin pin`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn set_pinned(&self, deployment: &Deployment, pinned: bool) -> Result<(), SysrootError> {
        let origin = deployment.origin();
        let text = self.disk.read_text(&origin)?;
        if is_pinned(&text) == pinned {
            return Ok(());
        }
        let beside = format!("{origin}.tmp");
        self.disk.write(&beside, with_pinned(&text, pinned).as_bytes())?;
        self.disk.sync("ostree")?;
        self.disk.rename(&beside, &origin)?;
        self.disk.sync("ostree")
    }
}

/// The lines of a file of groups and keys, each with whether it is in [`GROUP`].
fn lines(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut is_in = false;
    text.lines().map(move |line| {
        if line.starts_with('[') {
            is_in = line.trim_end() == GROUP;
        }
        (is_in, line)
    })
}

fn value(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    (key.trim_end() == PINNED).then(|| value.trim())
}

fn is_pinned(text: &str) -> bool {
    lines(text).any(|(is_in, line)| is_in && value(line) == Some("true"))
}

fn with_pinned(text: &str, pinned: bool) -> String {
    let mut kept: Vec<&str> =
        lines(text).filter(|(is_in, line)| !is_in || value(line).is_none()).map(|(_, line)| line).collect();
    let group = kept.iter().position(|line| line.trim_end() == GROUP);
    let key = format!("{PINNED}=true");
    match group {
        Some(group) if pinned => kept.insert(group + 1, &key),
        Some(_) => {}
        None if pinned => kept.extend([Some(""), Some(GROUP), Some(&*key)].into_iter().flatten()),
        None => {}
    }
    kept.iter().flat_map(|line| [line.to_string(), "\n".to_string()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_in_its_group_counts() {
        assert!(is_pinned("[origin]\nrefspec=a\n\n[libostree-transient]\npinned=true\n"));
        assert!(is_pinned("[libostree-transient]\nother=1\npinned = true\n"));
        for not in [
            "[origin]\npinned=true\n",
            "[libostree-transient]\npinned=false\n",
            "",
            "[libostree-transient]\n[x]\npinned=true\n",
        ] {
            assert!(!is_pinned(not), "{not}");
        }
    }

    #[test]
    fn everything_else_stays() {
        let text = "[origin]\nrefspec=a:b\n# why\n[libostree-transient]\nunlocked=hotfix\n[x]\ny=1\n";
        let pinned = with_pinned(text, true);
        assert_eq!(pinned, text.replace("unlocked", "pinned=true\nunlocked"));
        assert_eq!(with_pinned(&pinned, true), pinned);
        assert_eq!(with_pinned(&pinned, false), text);
    }
}
