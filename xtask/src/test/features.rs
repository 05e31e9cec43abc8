//! Each library compiles with every combination of its features.

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// The tiers, from the one without a heap upwards; a higher one contains the lower.
const TIERS: [Option<&str>; 3] = [None, Some("alloc"), Some("std")];

pub(super) fn every_combination(workspace: &Workspace) -> Result<()> {
    for library in &workspace.libraries {
        for features in combinations(&library.optional) {
            let mut check = workspace.cargo(&["check", "--quiet", "--lib", "--no-default-features"]);
            check.args(["--package", &library.name, "--features", &features.join(",")]);
            command::run(&mut check)?;
        }
    }
    Ok(())
}

/// Every subset of `optional`, in every tier.
fn combinations(optional: &[String]) -> Vec<Vec<&str>> {
    let mut subsets: Vec<Vec<&str>> = TIERS.iter().map(|tier| tier.iter().copied().collect()).collect();
    for feature in optional {
        let with: Vec<Vec<&str>> =
            subsets.iter().map(|subset| [subset.as_slice(), &[feature.as_str()]].concat()).collect();
        subsets.extend(with);
    }
    subsets
}

#[cfg(test)]
mod tests {
    use super::combinations;

    #[test]
    fn lists_every_subset_in_every_tier() {
        let optional = ["rsa".to_owned(), "serde".to_owned()];
        let all = combinations(&optional);
        assert_eq!(all.len(), 3 * 4);
        assert_eq!(all.iter().filter(|features| features.contains(&"rsa")).count(), 6);
        assert!(all.contains(&vec![]));
        assert!(all.contains(&vec!["std", "rsa", "serde"]));
    }
}
