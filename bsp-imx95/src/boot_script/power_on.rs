use super::{ALTBOOTCMD, Boot, Entry, Error, Save};
use crate::env::Variables;
use crate::slot::{BOOTCOUNT, BOOTLIMIT, ROLLBACK, UPGRADE_AVAILABLE};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Powers the device on with this stored environment and this `/boot/loader/uEnv.txt`.
///
/// # Errors
/// Where the real device would not boot: see [`Error`]. What it would have stored before is then lost.
pub fn power_on(store: &Variables, uenv: &str) -> Result<Boot, Error> {
    let mut machine = Machine { memory: store.clone(), store: store.clone(), saves: Vec::new() };
    let bootcount = machine.count();
    let used_altbootcmd = machine.is_over_limit(bootcount)?;
    if used_altbootcmd {
        machine.set(ROLLBACK, Some("1"));
    }
    machine.prepare();
    // The name of the device tree that U-Boot itself found, for the second deployment.
    let fdtfile = machine.text("fdtfile");
    machine.set("fdtfile2", fdtfile.as_deref());
    machine.memory.import_text(uenv).map_err(Error::Uenv)?;
    machine.select(bootcount, used_altbootcmd)
}

struct Machine {
    memory: Variables,
    store: Variables,
    saves: Vec<Save>,
}

impl Machine {
    /// `bootcount_inc`: counts from 0 and stores nothing unless an update is on trial.
    fn count(&mut self) -> u32 {
        let is_trial = self.number(UPGRADE_AVAILABLE) != 0;
        let before = if is_trial { self.number(BOOTCOUNT) } else { 0 };
        let count = before.saturating_add(1);
        self.set(BOOTCOUNT, Some(&format!("{count}")));
        if is_trial {
            self.save();
        }
        count
    }

    /// `bootcount_error`, then `autoboot_command`.
    fn is_over_limit(&self, count: u32) -> Result<bool, Error> {
        let limit = self.number(BOOTLIMIT);
        if limit == 0 || count <= limit {
            return Ok(false);
        }
        match self.memory.get_bytes("altbootcmd") {
            None => Err(Error::NoAltbootcmd { count, limit }),
            Some(command) if command == ALTBOOTCMD.as_bytes() => Ok(true),
            Some(_) => Err(Error::OtherAltbootcmd),
        }
    }

    /// The part of `boot.cmd` before `uEnv.txt` is loaded.
    fn prepare(&mut self) {
        if self.memory.get("env_initialized") != Some("1") {
            self.set("env_initialized", Some("1"));
            self.save();
        }
        if self.memory.get_bytes("altbootcmd").is_none() {
            self.set("altbootcmd", Some(ALTBOOTCMD));
            self.save();
        }
        if self.memory.get(ROLLBACK) == Some("1") && self.memory.get(UPGRADE_AVAILABLE) == Some("1") {
            // Ends the counting, and makes the rollback permanent.
            self.set(UPGRADE_AVAILABLE, Some("0"));
            self.save();
        }
    }

    /// `check_rollback_needed` of `uEnv.txt`: without a second deployment the first boots for ever.
    fn select(self, bootcount: u32, used_altbootcmd: bool) -> Result<Boot, Error> {
        let has_second = self.memory.get_bytes("kernel_image2").is_some();
        let rolls_back = has_second && self.memory.get(ROLLBACK) == Some("1");
        let (entry, suffix) = if rolls_back { (Entry::Second, "2") } else { (Entry::First, "") };
        let text = |name: &str| self.text(&format!("{name}{suffix}"));
        Ok(Boot {
            entry,
            kernel_image: text("kernel_image").ok_or(Error::NoKernel)?,
            ramdisk_image: text("ramdisk_image"),
            fdtdir: text("fdtdir"),
            fdt_file: text("fdt_file"),
            fdtfile: text("fdtfile"),
            // Only older deployments that say so have another one than the first.
            kernel_image_type: text("kernel_image_type").or_else(|| self.text("kernel_image_type")),
            bootargs: text("bootargs"),
            bootcount,
            used_altbootcmd,
            saves: self.saves,
        })
    }

    /// `env save`: the whole memory goes to the store, the counter in it included.
    fn save(&mut self) {
        let mut changes = Save::new();
        for (name, value) in self.memory.iter() {
            if self.store.get(name) != Some(value) {
                changes.push((name.into(), Some(value.into())));
            }
        }
        for (name, _) in self.store.iter() {
            if self.memory.get_bytes(name).is_none() {
                changes.push((name.into(), None));
            }
        }
        self.store = self.memory.clone();
        self.saves.push(changes);
    }

    fn set(&mut self, name: &str, value: Option<&str>) {
        // Only names and values of this module and of the environment itself: always valid.
        let _ = self.memory.set(name, value);
    }

    fn number(&self, name: &str) -> u32 {
        self.memory.number(name).unwrap_or(0)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.memory.get_bytes(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::{self, State};

    const UENV: &str =
        "kernel_image=/a\nbootargs=x \\\ny\nbootcmd_run=run it\nkernel_image2=/b\nfdtdir2=/dtb\n";

    fn device(changes: &[(&str, Option<&str>)]) -> Variables {
        let mut store = Variables::new();
        let made =
            [("env_initialized", Some("1")), ("bootlimit", Some("3")), ("altbootcmd", Some(ALTBOOTCMD))];
        store.apply(&made).unwrap();
        store.apply(changes).unwrap();
        store
    }

    fn boot(store: &mut Variables) -> Boot {
        let boot = power_on(store, UENV).unwrap();
        boot.store_into(store).unwrap();
        boot
    }

    #[test]
    fn a_first_boot_initialises_the_environment() {
        let mut store = Variables::new();
        let first = boot(&mut store);
        assert_eq!((first.saves.len(), store.get("altbootcmd")), (2, Some(ALTBOOTCMD)));
        assert_eq!(boot(&mut store).saves, Vec::<Save>::new());
    }

    #[test]
    fn the_fourth_boot_of_a_trial_rolls_back_for_good() {
        let mut store = device(slot::stage());
        for count in 1..=3 {
            assert_eq!(boot(&mut store).entry, Entry::First);
            assert_eq!(State::of(&store), State::Trial { count, limit: 3 });
        }
        let fourth = boot(&mut store);
        assert_eq!((fourth.entry, fourth.used_altbootcmd, fourth.bootcount), (Entry::Second, true, 4));
        assert_eq!((fourth.kernel_image.as_str(), fourth.fdtdir.as_deref()), ("/b", Some("/dtb")));
        assert_eq!(fourth.bootargs, None);
        assert_eq!(State::of(&store), State::RolledBack);
        let fifth = boot(&mut store);
        assert_eq!((fifth.entry, fifth.used_altbootcmd, fifth.bootcount), (Entry::Second, false, 1));
        assert_eq!((fifth.saves.len(), store.get(BOOTCOUNT)), (0, Some("4")));
    }

    #[test]
    fn a_confirmed_deployment_keeps_booting_uncounted() {
        let mut store = device(slot::stage());
        boot(&mut store);
        store.apply(slot::confirm()).unwrap();
        for _ in 0..5 {
            let boot = boot(&mut store);
            assert_eq!((boot.entry, boot.saves.len()), (Entry::First, 0));
            assert_eq!(boot.bootargs.as_deref(), Some("x \ny"));
        }
    }

    #[test]
    fn giving_up_boots_the_second_deployment_from_the_next_boot_on() {
        let mut store = device(slot::stage());
        boot(&mut store);
        store.apply(slot::give_up()).unwrap();
        assert_eq!(boot(&mut store).entry, Entry::Second);
        assert_eq!(store.get(UPGRADE_AVAILABLE), Some("0"));
        assert_eq!(boot(&mut store).entry, Entry::Second);
        store.apply(slot::stage()).unwrap();
        assert_eq!(boot(&mut store).entry, Entry::First);
    }

    #[test]
    fn a_cut_between_the_saves_of_a_rollback_still_rolls_back() {
        let store = device(&[(UPGRADE_AVAILABLE, Some("1")), (BOOTCOUNT, Some("3"))]);
        let fourth = power_on(&store, UENV).unwrap();
        assert_eq!(fourth.saves.len(), 2);
        let mut cut = store.clone();
        for (name, value) in &fourth.saves[0] {
            cut.set(name, value.as_deref()).unwrap();
        }
        assert_eq!(power_on(&cut, UENV).unwrap().entry, Entry::Second);
    }

    #[test]
    fn says_why_a_device_does_not_boot() {
        let mut store =
            device(&[(UPGRADE_AVAILABLE, Some("1")), (BOOTCOUNT, Some("3")), ("altbootcmd", None)]);
        assert_eq!(power_on(&store, UENV), Err(Error::NoAltbootcmd { count: 4, limit: 3 }));
        store.set("altbootcmd", Some("reset")).unwrap();
        assert_eq!(power_on(&store, UENV), Err(Error::OtherAltbootcmd));
        assert_eq!(power_on(&device(&[]), "a=1\n"), Err(Error::NoKernel));
        let broken = power_on(&device(&[]), "=1\n");
        assert_eq!(broken, Err(Error::Uenv(crate::env::Error::EmptyName { at: 0 })));
    }

    #[test]
    fn without_a_second_deployment_a_rollback_boots_the_first() {
        let store = device(&[(ROLLBACK, Some("1"))]);
        assert_eq!(power_on(&store, "kernel_image=/a\n").unwrap().entry, Entry::First);
    }
}
