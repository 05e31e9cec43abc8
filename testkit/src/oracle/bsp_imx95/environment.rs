//! Environments, where they lie, and what the boot script makes of them.

use std::collections::BTreeMap;

use bsp_imx95::boot_script::{Entry, power_on};
use bsp_imx95::env::{self, Env, Layout, Rules, Scheme, Variables};
use bsp_imx95::fw_env_config::yaml::YamlConfig;
use bsp_imx95::fw_env_config::{Device, FwEnvConfig};
use bsp_imx95::slot::{self, State};

/// The data of an environment: the borrowed view and the owned one agree, and what is stored reads back.
pub fn env(data: &[u8]) {
    let Ok(view) = Env::parse(data) else { return };
    let variables = Variables::from_env(&view);
    let pairs: Vec<(Vec<u8>, Vec<u8>)> =
        view.iter().map(|(name, value)| (name.to_vec(), value.bytes().collect())).collect();
    assert!(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).eq(variables.iter_bytes()));
    assert!(pairs.is_sorted_by(|a, b| a.0 < b.0), "each name once, in order");
    for (name, value) in &pairs {
        assert!(view.get(name).is_some_and(|found| found.is(value)));
    }
    if let Ok(theirs) = Env::parse_with(data, Rules::Libubootenv) {
        let theirs: BTreeMap<_, Vec<u8>> =
            theirs.iter().map(|(name, value)| (name, value.bytes().collect())).collect();
        assert_eq!(theirs, libubootenv(data));
    }

    let size = pairs.iter().map(|(name, value)| name.len() + 2 * value.len() + 2).sum::<usize>() + 7;
    if size <= env::MAX_SIZE {
        let copy = variables.encode(Layout::Single, size).expect("there is room for every escape");
        assert_eq!(Variables::from_bytes(Layout::Single, &[&copy]), Ok(variables));
    }
}

/// libubootenv's reading, once more and simply: entries end at a NUL, the first `=` ends the name.
fn libubootenv(data: &[u8]) -> BTreeMap<&[u8], Vec<u8>> {
    let entries = data.split(|byte| *byte == 0).take_while(|entry| !entry.is_empty());
    let mut variables: BTreeMap<_, _> = entries
        .filter_map(|entry| {
            let at = entry.iter().position(|byte| *byte == b'=')?;
            (at > 0).then(|| (&entry[..at], entry[at + 1..].to_vec()))
        })
        .collect();
    variables.remove(b".flags".as_slice());
    variables
}

/// Two copies: a change leads to a state that has it and nothing else, and never touches the copy in use.
pub fn env_copies(data: &[u8]) {
    let Some((selector, data)) = data.split_first() else { return };
    let scheme = if selector & 2 == 0 { Scheme::Counter } else { Scheme::ParallelNor };
    let layout = if selector & 1 == 0 { Layout::Single } else { Layout::Redundant { scheme } };
    let mut copies: Vec<Vec<u8>> =
        data.chunks(data.len().div_ceil(layout.copies()).max(1)).map(Vec::from).collect();
    if selector & 4 != 0 {
        // The fuzzer will not guess a checksum.
        copies.iter_mut().for_each(|copy| seal(layout, copy));
    }
    let slices: Vec<&[u8]> = copies.iter().map(Vec::as_slice).collect();
    let Ok((chosen, _)) = env::load(layout, &slices) else { return };
    let mut expected = Variables::from_bytes(layout, &slices).expect("just read");
    let mut next = vec![0; slices[0].len()];
    let Ok(written) = env::write(layout, &slices, slot::stage(), &mut next) else { return };
    if let Some(write) = written {
        assert_eq!(write.copy == chosen.index, layout == Layout::Single);
        copies[write.copy] = next;
        if let Some(old) = write.then_obsolete {
            copies[old][4] = 0;
        }
    }
    expected.apply(slot::stage()).expect("valid changes");
    let slices: Vec<&[u8]> = copies.iter().map(Vec::as_slice).collect();
    assert_eq!(Variables::from_bytes(layout, &slices).as_ref(), Ok(&expected));
    let (_, view) = env::load(layout, &slices).expect("just read");
    assert_eq!(State::read(&view), State::of(&expected));
    assert_eq!(State::of(&expected), State::Staged);
}

fn seal(layout: Layout, copy: &mut [u8]) {
    let Some((header, data)) = copy.split_at_mut_checked(layout.header_len()) else { return };
    header[..4].copy_from_slice(&super::crc32(data).to_le_bytes());
}

/// A configuration: what is accepted names copies of one size that do not overlap, and stay on their device.
pub fn fw_env_config(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(config) = FwEnvConfig::parse(text) else { return };
    devices(config.devices());
}

/// The same of libubootenv's YAML.
pub fn yaml(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(config) = YamlConfig::parse(text) else { return };
    for (index, namespace) in config.namespaces().iter().enumerate() {
        let first = config.namespaces().iter().position(|other| other.name() == namespace.name());
        assert_eq!(first, Some(index), "each name once");
        devices(&namespace.devices().expect("checked before"));
        for writable in namespace.writelist() {
            assert!(!writable.name.is_empty());
            assert!(writable.allows(Some("0x1")) <= writable.allows(None), "what may be set may be deleted");
        }
    }
}

fn devices(devices: &[Device<'_>]) {
    assert!((1..=2).contains(&devices.len()));
    for device in devices {
        assert!((1..=env::MAX_SIZE).contains(&device.size));
        for len in [0, 0x1000, 0x40_0000, u64::MAX] {
            if let Some(start) = device.start(len) {
                assert!(u64::try_from(device.size).is_ok_and(|size| start <= len - size));
            }
        }
    }
    if let [first, second] = devices {
        assert_eq!(first.size, second.size);
        if let (true, Some(a), Some(b)) =
            (first.path == second.path, first.start(0x40_0000), second.start(0x40_0000))
        {
            let distance = usize::try_from(a.abs_diff(b)).expect("below 4 MiB");
            assert!(distance >= first.size || (first.offset < 0) != (second.offset < 0));
        }
    }
}

/// A `uEnv.txt`: whatever it sets, a staged update either boots its first entry or the reason is in the text.
pub fn uenv(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let mut store = Variables::new();
    store.apply(slot::stage()).expect("valid changes");
    let Ok(boot) = power_on(&store, text) else { return };
    let mut imported = Variables::new();
    imported.import_text(text).expect("it was imported for the boot");
    let name = if boot.entry == Entry::First { "kernel_image" } else { "kernel_image2" };
    assert_eq!(imported.get(name), Some(boot.kernel_image.as_str()));
    assert_eq!(
        boot.entry == Entry::Second,
        imported.get("rollback") == Some("1") && imported.get_bytes("kernel_image2").is_some()
    );
    // Nothing from the text reaches the store: it is imported after the last save.
    boot.store_into(&mut store).expect("valid changes");
    assert_eq!(State::of(&store), State::Trial { count: 1, limit: 0 });
}
