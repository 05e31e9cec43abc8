//! The order of a merged file: the device's, with what the image added where the image has it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Where additions go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Anchor<K> {
    Start,
    After(K),
    End,
}

/// The keys of the result in order: those of `local` and of `new` that `kept` tells. A key that only `new` has
/// follows the nearest one before it that both have; with a key that `opens` a block, all up to the next key that
/// both have goes to the end.
pub(super) fn arrange<K: Ord + Clone>(
    local: &[K],
    new: &[K],
    kept: impl Fn(&K) -> bool,
    opens: impl Fn(&K) -> bool,
) -> Vec<K> {
    let here: BTreeSet<&K> = local.iter().filter(|key| kept(key)).collect();
    let mut additions: BTreeMap<Anchor<K>, Vec<K>> = BTreeMap::new();
    let mut anchor = Anchor::Start;
    for key in new.iter().filter(|key| kept(key)) {
        if here.contains(key) {
            anchor = Anchor::After(key.clone());
        } else {
            if opens(key) {
                anchor = Anchor::End;
            }
            additions.entry(anchor.clone()).or_default().push(key.clone());
        }
    }
    let mut out = additions.remove(&Anchor::Start).unwrap_or_default();
    for key in local.iter().filter(|key| here.contains(key)) {
        out.push(key.clone());
        out.append(&mut additions.remove(&Anchor::After(key.clone())).unwrap_or_default());
    }
    out.append(&mut additions.remove(&Anchor::End).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::arrange;

    #[test]
    fn additions_follow_what_they_follow_in_the_image() {
        let order = arrange(&[1, 2, 9, 3], &[0, 1, 5, 6, 3, 4], |_| true, |_| false);
        assert_eq!(order, [0, 1, 5, 6, 2, 9, 3, 4]);
        let order = arrange(&[1, 2, 3], &[1, 50, 51, 3, 4], |key| *key != 2, |key| *key == 50);
        assert_eq!(order, [1, 3, 4, 50, 51]);
    }
}
