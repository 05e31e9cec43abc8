use bsp_imx95::boot_entry::{BootEntry, KernelArguments, bls, parse_bls, parse_uenv, uenv_txt};

/// A boot entry, a `uEnv.txt` and a kernel command line: what is read and written again reads the same, and an
/// edit changes what it says and nothing else.
pub fn boot_entry(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(entry) = parse_bls(text) {
        assert_eq!(parse_bls(&bls(&entry)), Ok(entry));
    }
    if let Ok(entries) = parse_uenv(text)
        && entries.iter().all(is_plain)
    {
        assert_eq!(parse_uenv(&uenv_txt(&entries, "")), Ok(entries));
    }
    let arguments = KernelArguments::parse(text);
    assert_eq!(KernelArguments::parse(&arguments.to_string()), arguments);
    let Some(first) = arguments.iter().next().map(String::from) else { return };
    let name = first.split('=').next().unwrap_or("");

    let mut replaced = arguments.clone();
    replaced.replace(&first);
    assert!(replaced.values(name).count() == 1 && replaced.iter().next() == Some(&first));
    let others = |arguments: &KernelArguments| {
        let is_other = |argument: &&str| argument.split('=').next() != Some(name);
        arguments.iter().filter(is_other).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(others(&replaced), others(&arguments));

    let mut deleted = arguments.clone();
    assert_eq!(deleted.delete(&first), Ok(true));
    assert!(deleted.iter().eq(arguments.iter().skip(1)));
}

/// Whether the entry's values are what `uenv_txt` can write: it adds no escapes, as OSTree does not.
fn is_plain(entry: &BootEntry) -> bool {
    let BootEntry { options, linux, initrd, devicetree, fdtdir, .. } = entry;
    let optional = [initrd, devicetree, fdtdir].into_iter().flatten();
    [options, linux].into_iter().chain(optional).all(|value| !value.contains(['\\', '\n', '\0']))
}
