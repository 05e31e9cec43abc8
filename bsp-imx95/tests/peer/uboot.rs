//! The real U-Boot in QEMU: it boots from environments that we write, and writes what we read.

mod machine;

use bsp_imx95::boot_entry::{BootEntry, uenv_txt};
use bsp_imx95::boot_script::{ALTBOOTCMD, Entry, power_on};
use bsp_imx95::env::{Change, Layout, Scheme, Variables};
use bsp_imx95::slot::{State, confirm, stage};
use machine::Machine;

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// A device whose boot order has a new system and the one before it.
fn device(layout: Layout) -> Machine {
    let entry =
        |name: &str| BootEntry { linux: name.into(), options: "ro quiet".into(), ..BootEntry::default() };
    let uenv = uenv_txt(&[entry("/new"), entry("/old")], "");
    let mut variables = Variables::new();
    let changes =
        [("bootlimit", Some("3")), ("altbootcmd", Some(ALTBOOTCMD)), ("env_initialized", Some("1"))];
    variables.apply(&changes).unwrap();
    Machine::new(layout, &variables, &uenv)
}

impl Machine {
    /// Powers on, compares everything with the model, and says what was booted.
    fn boot(&self) -> (Entry, u32, State) {
        let mut store = self.variables().unwrap();
        let expected = power_on(&store, self.uenv()).unwrap();
        expected.store_into(&mut store).unwrap();
        let (kernel, count) = self.power_on();
        assert_eq!((kernel.as_str(), count), (expected.kernel_image.as_str(), expected.bootcount));
        let stored = self.variables().unwrap();
        assert_eq!(stored, store);
        (expected.entry, count, State::of(&stored))
    }

    fn state(&self) -> State {
        State::of(&self.variables().unwrap())
    }
}

/// Staged, never confirmed: three boots of the new system, then the old one for good.
fn falls_back(layout: Layout) {
    let machine = device(layout);
    machine.apply(stage());
    for count in 1..=3 {
        assert_eq!(machine.boot(), (Entry::First, count, State::Trial { count, limit: 3 }));
    }
    assert_eq!(machine.boot(), (Entry::Second, 4, State::RolledBack));
    let before = machine.disk();
    assert_eq!(machine.boot(), (Entry::Second, 1, State::RolledBack));
    assert_eq!(machine.disk(), before, "nothing is written once it is over");
}

#[test]
fn three_failed_boots_fall_back_to_the_old_system_with_a_single_copy() {
    falls_back(Layout::Single);
}

#[test]
fn three_failed_boots_fall_back_to_the_old_system_with_two_copies() {
    falls_back(COUNTER);
}

#[test]
fn a_confirmed_system_keeps_booting_and_nothing_is_counted() {
    let machine = device(COUNTER);
    machine.apply(stage());
    assert_eq!(machine.boot(), (Entry::First, 1, State::Trial { count: 1, limit: 3 }));
    machine.apply(confirm());
    let before = machine.disk();
    assert_eq!(machine.boot(), (Entry::First, 1, State::Confirmed));
    assert_eq!(machine.disk(), before);
}

#[test]
fn a_torn_last_write_of_two_copies_costs_that_write_only() {
    let machine = device(COUNTER);
    machine.apply(stage());
    machine.boot();
    machine.boot();
    assert_eq!(machine.state(), State::Trial { count: 2, limit: 3 });
    machine.tear_newest();
    // U-Boot takes the version before: this is the second boot again.
    assert_eq!(machine.boot(), (Entry::First, 2, State::Trial { count: 2, limit: 3 }));
    machine.boot();
    assert_eq!(machine.boot(), (Entry::Second, 4, State::RolledBack));
    // The save that ends the counting is torn: the boot before it is repeated, and comes to the same.
    machine.tear_newest();
    assert_eq!(machine.state(), State::Trial { count: 4, limit: 3 });
    assert_eq!(machine.boot(), (Entry::Second, 5, State::RolledBack));
}

#[test]
fn a_torn_write_of_a_single_copy_leads_to_the_compiled_in_environment() {
    let machine = device(Layout::Single);
    machine.apply(stage());
    machine.boot();
    machine.tear_newest();
    assert_eq!(machine.variables(), None);
    let (kernel, count) = machine.power_on();
    assert_eq!((kernel.as_str(), count), ("/boot/new", 1), "it boots the new system, and does not count");
    // The boot script stores what it found missing: the client sees that its trial is gone.
    assert_eq!(machine.state(), State::Idle);
    machine.apply(stage());
    assert_eq!(machine.boot(), (Entry::First, 1, State::Trial { count: 1, limit: 3 }));
}

#[test]
fn u_boot_reads_and_writes_values_as_we_do() {
    let values: [Change<'_>; 6] = [
        ("t_backslash", Some(r"a\b\\c")),
        ("t_lines", Some("one\ntwo")),
        ("t_quotes", Some("'x' \"y\" ${z} #")),
        ("t_equals", Some("=a=b=")),
        ("t_utf8", Some("größe")),
        ("t_blank", Some(" x ")),
    ];
    let machine = device(Layout::Single);
    machine.apply(&values);
    let mut expected = Variables::new();
    expected.apply(&values).unwrap();
    // U-Boot imported the binary form; it exports the text form, which is ours byte for byte.
    let exported = machine.export_text("t_backslash t_lines t_quotes t_equals t_utf8 t_blank");
    assert_eq!(exported, expected.export_text());

    // And the other way: text with comments, deletions, escapes and continued lines, imported by U-Boot.
    let text = "# note\n  t_equals = x\nt_quotes=\nt_utf8\nt_lines=a\\\nb\\\\\n\n#\nt_new=\\x\\y\nt_last=1";
    let imported =
        machine.import_text(text, "t_backslash t_lines t_quotes t_equals t_utf8 t_blank t_new t_last");
    expected.import_text(text).unwrap();
    assert_eq!(expected.get("t_equals "), Some(" x"));
    expected.set("t_equals ", None).unwrap(); // U-Boot's command cannot name it.
    assert_eq!(imported, expected.export_text());
}
