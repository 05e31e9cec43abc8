use super::*;
use tempfile::TempDir;

const REDUNDANT: &str = "uboot.env 0 0x200\nuboot.env 0x200 0x200\n";

fn config(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fw_env.config");
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn created(text: &str) -> (TempDir, BootEnv) {
    let (directory, path) = config(text);
    let mut variables = Variables::new();
    variables.set("bootlimit", Some("3")).unwrap();
    let boot_env = BootEnv::create(&path, &variables).unwrap();
    (directory, boot_env)
}

#[test]
fn one_change_writes_one_copy_and_leaves_the_other() {
    let (directory, boot_env) = created(REDUNDANT);
    let file = directory.path().join("uboot.env");
    let before = fs::read(&file).unwrap();
    assert_eq!(boot_env.apply(&[("a", Some("1")), ("b", Some("2"))]).unwrap(), Outcome::Written { copy: 1 });
    let after = fs::read(&file).unwrap();
    assert_eq!(before[..0x200], after[..0x200]);
    assert_ne!(before[0x200..], after[0x200..]);
    let variables = boot_env.variables().unwrap();
    assert!(variables.iter().eq([("a", "1"), ("b", "2"), ("bootlimit", "3")]));
    assert_eq!(boot_env.apply(&[("a", Some("1"))]).unwrap(), Outcome::Unchanged);
    assert_eq!(fs::read(&file).unwrap(), after);
}

#[test]
fn a_torn_write_costs_only_the_last_change() {
    let (directory, boot_env) = created(REDUNDANT);
    boot_env.apply(&[("a", Some("1"))]).unwrap();
    boot_env.apply(&[("a", Some("2"))]).unwrap();
    let file = directory.path().join("uboot.env");
    let mut bytes = fs::read(&file).unwrap();
    bytes[0x100..0x200].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    assert_eq!(boot_env.variables().unwrap().get("a"), Some("1"));
    boot_env.apply(&[("a", Some("3"))]).unwrap();
    assert_eq!(boot_env.variables().unwrap().get("a"), Some("3"));
    assert_eq!(fs::read(&file).unwrap()[0x200..], bytes[0x200..]);
}

#[test]
fn a_single_copy_is_written_in_place_and_not_beyond() {
    let (directory, boot_env) = created("uboot.env 0x10 0x100\n");
    boot_env.apply(&[("a", Some("1"))]).unwrap();
    let bytes = fs::read(directory.path().join("uboot.env")).unwrap();
    assert_eq!((bytes.len(), &bytes[..0x10]), (0x110, &[0; 0x10][..]));
    assert_eq!(boot_env.variables().unwrap().get("a"), Some("1"));
}

#[test]
fn an_offset_may_count_from_the_end() {
    let (directory, path) = config("disk -0x200 0x100\n");
    let mut disk = vec![0; 0x1000];
    let mut variables = Variables::new();
    variables.set("a", Some("1")).unwrap();
    disk[0xe00..0xf00].copy_from_slice(&variables.encode(Layout::Single, 0x100).unwrap());
    fs::write(directory.path().join("disk"), &disk).unwrap();
    assert_eq!(BootEnv::open(&path).unwrap().variables().unwrap(), variables);
}

#[test]
fn copies_that_overlap_only_on_the_device_are_refused() {
    let (directory, path) = config("disk 0 0x100\nlink -0x180 0x100\n");
    fs::write(directory.path().join("disk"), [0; 0x200]).unwrap();
    std::os::unix::fs::symlink("disk", directory.path().join("link")).unwrap();
    let error = BootEnv::open(&path).unwrap_err().to_string();
    assert!(error.contains("the two copies of the environment overlap"), "{error}");
}

#[test]
fn says_what_is_wrong_with_the_configuration_or_the_file() {
    let message = |text: &str| {
        let (_directory, path) = config(text);
        format!("{:#}", BootEnv::open(&path).unwrap_err())
    };
    assert!(message("d 0 0x200\nd 0 0x400\n").contains("line 2: the second copy has 1024 bytes"));
    assert!(message("absent 0 0x200\n").contains("absent: No such file"));
    assert!(message("/dev/null 0 0x200\n").contains("neither a file, nor a block device, nor NOR flash"));
    assert!(message("fw_env.config 0 0x200\n").contains("size 0x200 do not lie on its"));
}

#[test]
fn a_broken_environment_is_never_overwritten() {
    let (directory, boot_env) = created("uboot.env 0 0x100\n");
    let file = directory.path().join("uboot.env");
    fs::write(&file, [0xff; 0x100]).unwrap();
    let error = boot_env.apply(&[("a", Some("1"))]).unwrap_err();
    assert!(error.to_string().contains("no environment copy is whole"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), [0xff; 0x100]);
}

#[test]
fn creating_never_overwrites() {
    let (directory, path) = config("uboot.env 0 0x100\n");
    fs::write(directory.path().join("uboot.env"), "precious").unwrap();
    let error = BootEnv::create(&path, &Variables::new()).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
}

#[test]
fn a_broken_copy_is_repaired_even_if_nothing_changes() {
    let (directory, boot_env) = created(REDUNDANT);
    let file = directory.path().join("uboot.env");
    let mut bytes = fs::read(&file).unwrap();
    bytes[0x210] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let changes = [("bootlimit", Some("3"))];
    assert_eq!(boot_env.apply(&changes).unwrap(), Outcome::Repaired { copy: 1 });
    assert_eq!(boot_env.apply(&changes).unwrap(), Outcome::Unchanged);
    let bytes = fs::read(&file).unwrap();
    assert_eq!((bytes[4], bytes[0x204]), (1, 0), "an older version, so that the same copy counts");
}

#[test]
fn a_change_may_depend_on_what_is_stored() {
    let (_directory, boot_env) = created(REDUNDANT);
    let double = |variables: &Variables| {
        assert_eq!(variables.number("bootlimit"), Some(3));
        Ok(&[("bootlimit", Some("6"))][..])
    };
    assert_eq!(boot_env.update(double).unwrap(), Outcome::Written { copy: 1 });
    let error = boot_env.update(|_| anyhow::bail!("no")).unwrap_err();
    assert_eq!(error.to_string(), "no");
}

#[test]
fn a_yaml_configuration_names_environments_and_what_may_be_written() {
    let text = "\
first: {size: 0x200, devices: [{path: uboot.env, offset: 0}]}
second:
  size: 0x200
  lockfile: second.lock
  writelist: ['bootcount:da', 'title:sr']
  devices:
    - {path: uboot.env, offset: 0x200}
";
    let (_directory, path) = config(&format!("---\n{text}"));
    BootEnv::create(&path, &Variables::new()).unwrap();
    let second = BootEnv::open_namespace(&path, Some("second"));
    let error = format!("{:#}", second.unwrap_err());
    assert!(error.contains("size 0x200 do not lie on its 512 bytes"), "{error}");
    let file = path.with_file_name("uboot.env");
    fs::write(&file, fs::read(&file).unwrap().repeat(2)).unwrap();
    let second = BootEnv::open_namespace(&path, Some("second")).unwrap();
    second.apply(&[("bootcount", Some("1"))]).unwrap();
    for (name, value) in [("bootcount", Some("x")), ("title", Some("x")), ("other", None)] {
        let error = second.apply(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the configuration does not let {name} be changed")), "{error}");
    }
    assert!(BootEnv::open(&path).unwrap().variables().unwrap().is_empty());
    let error = format!("{:#}", BootEnv::open_namespace(&path, Some("third")).unwrap_err());
    assert!(error.contains("no environment is called third"), "{error}");
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let (_directory, boot_env) = created(REDUNDANT);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let boot_env = &boot_env;
            scope.spawn(move || {
                for value in ["1", "2", "3", "4"] {
                    boot_env.apply(&[(name, Some(value))]).unwrap();
                }
            });
        }
    });
    let variables = boot_env.variables().unwrap();
    assert!(variables.iter().eq([("a", "4"), ("b", "4"), ("bootlimit", "3"), ("c", "4"), ("d", "4")]));
}

#[test]
fn a_backslash_is_stored_for_u_boot_or_as_it_is() {
    let (_directory, boot_env) = created(REDUNDANT);
    boot_env.apply(&[("a", Some("x\\y"))]).unwrap();
    assert_eq!(boot_env.variables().unwrap().get("a"), Some("x\\y"));
    let boot_env = boot_env.with_rules(Rules::Libubootenv);
    assert_eq!(boot_env.variables().unwrap().get("a"), Some("x\\\\y"));
    boot_env.apply(&[("a", Some("x\\y"))]).unwrap();
    assert_eq!(boot_env.with_rules(Rules::UBoot).variables().unwrap().get("a"), Some("xy"));
}
