//! What is written reads back, whatever the values, and a cut in the middle of a write loses one change.

use bsp_imx95::env::{self, Error, Layout, Scheme, Variables};
use proptest::prelude::*;

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };
const SIZE: usize = 0x200;

fn changes() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    let value = proptest::option::of("[^\0]{0,12}");
    proptest::collection::vec(("[a-d]{1,2}", value), 1..5)
}

fn borrowed(changes: &[(String, Option<String>)]) -> Vec<(&str, Option<&str>)> {
    changes.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_at_any_byte_leaves_the_old_state_or_the_new(rounds in proptest::collection::vec(changes(), 1..6), cut in 0..SIZE) {
        let mut copies = [vec![0; SIZE], vec![0; SIZE]];
        env::create(COUNTER, &[], &mut copies[0]).unwrap();
        let mut expected = Variables::new();
        for round in &rounds {
            let changes = borrowed(round);
            let before = expected.clone();
            let mut next = vec![0; SIZE];
            let write = env::write(COUNTER, &[&copies[0], &copies[1]], &changes, &mut next).unwrap();
            expected.apply(&changes).unwrap();
            let Some(write) = write else {
                prop_assert_eq!(&before, &expected);
                continue;
            };
            let mut torn = copies.clone();
            torn[write.copy][..cut].copy_from_slice(&next[..cut]);
            let found = Variables::from_bytes(COUNTER, &[&torn[0], &torn[1]]).unwrap();
            prop_assert!(found == before || found == expected);
            copies[write.copy] = next;
            prop_assert_eq!(&Variables::from_bytes(COUNTER, &[&copies[0], &copies[1]]).unwrap(), &expected);
        }
    }
}

#[test]
fn the_size_is_limited_to_the_byte() {
    let over = vec![0; env::MAX_SIZE + 1];
    let error = Error::Size { len: env::MAX_SIZE + 1, min: 5, max: env::MAX_SIZE };
    assert_eq!(Variables::from_bytes(Layout::Single, &[&over]), Err(error));
    assert_eq!(Variables::new().encode(Layout::Single, env::MAX_SIZE + 1), Err(error));
    let most = Variables::new().encode(Layout::Single, env::MAX_SIZE).unwrap();
    assert_eq!(Variables::from_bytes(Layout::Single, &[&most]), Ok(Variables::new()));
}

#[test]
fn an_environment_filled_to_the_last_byte_by_others_is_read() {
    // libubootenv leaves a single NUL when a value fills the data.
    let data = [b"a=".as_slice(), &[b'x'; SIZE - 3], &[0]].concat();
    let variables = Variables::from_env(&env::Env::parse(&data).unwrap());
    assert_eq!(variables.get("a").map(str::len), Some(SIZE - 3));
    let data = &data[..data.len() - 1];
    assert_eq!(Variables::from_env(&env::Env::parse(data).unwrap()), variables);
}
