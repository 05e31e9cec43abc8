//! Merging the content of one kind of file.

use etc_merge::driver::{DriverConflict, MAX_DRIVER_BYTES, Short, merge};
use etc_merge::{
    Class, Content, Driver, Kind, Lost, MemoryTree, Node, Policy, Report, Resolution, Rule, Side, Treatment,
    merge_in_memory,
};

fn merged(driver: Driver, old: &str, new: &str, local: &str) -> Result<String, DriverConflict> {
    merge(driver, old.as_bytes(), new.as_bytes(), local.as_bytes())
        .map(|text| String::from_utf8(text).unwrap())
}

const ROOT: &str = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/usr/sbin/nologin\n";

#[test]
fn a_local_user_and_the_images_new_system_users_are_both_there() {
    let new = "root:x:0:0:root:/root:/bin/sh\nmosquitto:x:990:990::/:/sbin/nologin\ndaemon:x:1:1::/:/usr/sbin/nologin\nsshd:x:991:991::/:/sbin/nologin\n";
    let local = format!("{ROOT}alice:x:1001:1001:Alice:/home/alice:/bin/bash\n");
    let expected = "root:x:0:0:root:/root:/bin/sh\nmosquitto:x:990:990::/:/sbin/nologin\ndaemon:x:1:1::/:/usr/sbin/nologin\nsshd:x:991:991::/:/sbin/nologin\nalice:x:1001:1001:Alice:/home/alice:/bin/bash\n";
    assert_eq!(merged(Driver::Passwd, ROOT, new, &local).as_deref(), Ok(expected));
}

#[test]
fn a_uid_of_two_names_is_reported_with_both() {
    let new = format!("{ROOT}mosquitto:x:1001:1001::/:/sbin/nologin\n");
    let local = format!("{ROOT}alice:x:1001:1001:Alice:/home/alice:/bin/bash\n");
    let conflict = merged(Driver::Passwd, ROOT, &new, &local).unwrap_err();
    let [id, local, new] = [&b"1001"[..], b"alice", b"mosquitto"].map(Short::new);
    assert_eq!(conflict, DriverConflict::IdCollision { id, local, new });
    assert_eq!(
        conflict.to_string(),
        "the id 1001 would belong to `alice` of this device and to `mosquitto` of the image"
    );
}

#[test]
fn an_id_that_one_version_gives_twice_itself_is_no_collision() {
    let old = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n";
    let new = format!("{old}a:x:9:9::/:/bin/false\n");
    let local = format!("{old}b:x:1000:1000::/:/bin/sh\n");
    let expected = format!("{old}a:x:9:9::/:/bin/false\nb:x:1000:1000::/:/bin/sh\n");
    assert_eq!(merged(Driver::Passwd, old, &new, &local), Ok(expected));
}

#[test]
fn fields_of_one_entry_are_merged_each_by_itself() {
    let new = ROOT.replace("/usr/sbin/nologin", "/sbin/nologin");
    let local = ROOT.replace("daemon:x:1:1::", "daemon:x:1:1:Demon:");
    let expected = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:Demon:/:/sbin/nologin\n";
    assert_eq!(merged(Driver::Passwd, ROOT, &new, &local).as_deref(), Ok(expected));
    let local = ROOT.replace("/usr/sbin/nologin", "/bin/sh");
    let conflict = DriverConflict::Field { name: Short::new(b"daemon"), field: 7 };
    assert_eq!(merged(Driver::Passwd, ROOT, &new, &local), Err(conflict));
}

#[test]
fn an_entry_removed_by_one_side_and_changed_by_the_other_is_a_conflict() {
    let without = "root:x:0:0:root:/root:/bin/sh\n";
    let changed = ROOT.replace("/usr/sbin/nologin", "/bin/sh");
    let name = Short::new(b"daemon");
    let by_new = DriverConflict::EntryRemoved { name, by: Side::New };
    assert_eq!(merged(Driver::Passwd, ROOT, without, &changed), Err(by_new));
    let by_local = DriverConflict::EntryRemoved { name, by: Side::Local };
    assert_eq!(merged(Driver::Passwd, ROOT, &changed, without), Err(by_local));
}

#[test]
fn group_members_are_a_set() {
    let old = "sudo:x:27:\naudio:x:29:root,old\n";
    let new = "sudo:x:27:\naudio:x:29:root,pulse\nrender:x:106:\n";
    let local = "sudo:x:27:alice\naudio:x:29:root,old,alice\n";
    let expected = "sudo:x:27:alice\naudio:x:29:root,alice,pulse\nrender:x:106:\n";
    assert_eq!(merged(Driver::Group, old, new, local).as_deref(), Ok(expected));
    let (old, new, local) = ("a:!:r:\n", "a:!:r,s:x\n", "a:!::y\nb:!::\n");
    assert_eq!(merged(Driver::Gshadow, old, new, local).as_deref(), Ok("a:!:s:y,x\nb:!::\n"));
}

#[test]
fn a_password_keeps_its_date_though_every_image_has_a_new_one() {
    let old = "root:*:19000:0:99999:7:::\n";
    let new = "root:*:19500:0:99999:7:::\nsvc:!*:19500::::::\n";
    let local = "root:$6$salt$hash:19333:0:99999:7:::\n";
    let expected = "root:$6$salt$hash:19333:0:99999:7:::\nsvc:!*:19500::::::\n";
    assert_eq!(merged(Driver::Shadow, old, new, local).as_deref(), Ok(expected));
    // Only dates: the device's, as nothing else tells.
    let local = "root:*:19333:0:99999:7:::\nme:!:1::::::\n";
    let expected = "root:*:19333:0:99999:7:::\nsvc:!*:19500::::::\nme:!:1::::::\n";
    assert_eq!(merged(Driver::Shadow, old, new, local).as_deref(), Ok(expected));
}

#[test]
fn what_does_not_parse_is_not_merged() {
    let bad = "root:x:0:0:root:/root\n";
    let conflict = DriverConflict::NotParsed { version: Side::Local, line: 1 };
    assert_eq!(merged(Driver::Passwd, ROOT, &format!("{ROOT}a:x:9:9::/:/x\n"), bad), Err(conflict));
    let twice = format!("{ROOT}{ROOT}");
    let conflict = DriverConflict::NotParsed { version: Side::New, line: 3 };
    assert_eq!(merged(Driver::Passwd, ROOT, &twice, "root:x:0:0::/:/\n"), Err(conflict));
    let conflict = DriverConflict::NotParsed { version: Side::Local, line: 2 };
    assert_eq!(merged(Driver::KeyValue, "a=1\n", "a=2\n", "a=1\nnonsense\n"), Err(conflict));
    assert_eq!(merged(Driver::Lines, "a\n", "b\n", "a\nx\0\n"), Err(conflict));
}

#[test]
fn settings_are_merged_by_key_and_comments_stay() {
    let old = "# kernel\nkernel.panic = 10\nnet.ipv4.ip_forward = 0\n";
    let new = "# kernel\nkernel.panic = 5\n# hardening\nkernel.kptr_restrict = 1\nnet.ipv4.ip_forward = 0\n";
    let local = "# kernel\nkernel.panic = 10\n# we route\nnet.ipv4.ip_forward=1\n";
    let expected = "# kernel\nkernel.panic = 5\n# hardening\nkernel.kptr_restrict = 1\n# we route\nnet.ipv4.ip_forward=1\n";
    assert_eq!(merged(Driver::KeyValue, old, new, local).as_deref(), Ok(expected));
    let local = old.replace("10", "7");
    let conflict = DriverConflict::Setting { section: Short::new(b""), key: Short::new(b"kernel.panic") };
    assert_eq!(merged(Driver::KeyValue, old, new, &local), Err(conflict));
    // Written otherwise, but the same value.
    let local = old.replace(" = 10", "=5");
    assert_eq!(merged(Driver::KeyValue, old, new, &local), Ok(new.replace(" = 5", "=5")));
}

const UNIT: &str = "[Unit]\nDescription=A\n\n[Service]\nExecStart=/bin/a\nExecStart=/bin/b\n\n[Install]\nWantedBy=multi-user.target\n";

#[test]
fn repeated_keys_of_a_unit_keep_their_order() {
    let new = UNIT.replace("Description=A", "Description=A2\nAfter=network.target");
    let local = UNIT.replace("ExecStart=/bin/b\n", "ExecStart=/bin/b\nExecStart=/bin/c\nRestart=always\n");
    let expected = "[Unit]\nDescription=A2\nAfter=network.target\n\n[Service]\nExecStart=/bin/a\nExecStart=/bin/b\nExecStart=/bin/c\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n";
    assert_eq!(merged(Driver::Ini, UNIT, &new, &local).as_deref(), Ok(expected));
    let new = UNIT.replace("/bin/b", "/bin/b2");
    let conflict = DriverConflict::Setting { section: Short::new(b"Service"), key: Short::new(b"ExecStart") };
    assert_eq!(merged(Driver::Ini, UNIT, &new, &local), Err(conflict));
}

#[test]
fn a_new_section_comes_whole_after_the_others() {
    let new = UNIT.replace("[Install]", "[X-New]\nA=1\n\n[Install]");
    let local = UNIT.replace("ExecStart=/bin/b\n", "ExecStart=/bin/b\nRestart=no\n");
    let text = merged(Driver::Ini, UNIT, &new, &local).unwrap();
    assert_eq!(text, format!("{}[X-New]\nA=1\n\n", local));
}

#[test]
fn the_order_of_repeated_sections_is_not_guessed() {
    let new = format!("{UNIT}[Route]\nGateway=a\n[Route]\nGateway=b\n");
    let local = format!("{UNIT}[Route]\nGateway=c\n");
    let conflict = DriverConflict::Sections { name: Short::new(b"Route") };
    assert_eq!(merged(Driver::Ini, UNIT, &new, &local), Err(conflict));
}

#[test]
fn a_file_of_the_limit_is_merged_and_one_byte_more_is_not() {
    let line = "# comment\n";
    let old = line.repeat(MAX_DRIVER_BYTES / line.len());
    let fits = format!("{old}{}\n", "x".repeat(MAX_DRIVER_BYTES - old.len() - 1));
    let new = format!("first\n{}", &old[..old.len() - 20]);
    assert_eq!(fits.len(), MAX_DRIVER_BYTES);
    let expected = format!("first\n{}{}", &old[..old.len() - 20], &fits[old.len()..]);
    let without = fits.replacen("# comment\n# comment\nx", "x", 1);
    assert_eq!(merged(Driver::Lines, &old[..old.len() - 20], &new, &without), Ok(expected));
    let longer = format!("{fits}\n");
    let conflict = DriverConflict::TooLong { limit: MAX_DRIVER_BYTES };
    assert_eq!(merged(Driver::Lines, &old, &new, &longer), Err(conflict));
}

#[test]
fn what_one_side_left_alone_comes_from_the_other() {
    for driver in [
        Driver::Passwd,
        Driver::Group,
        Driver::Shadow,
        Driver::Gshadow,
        Driver::KeyValue,
        Driver::Ini,
        Driver::Lines,
    ] {
        let (a, b) = ("not: parsable\0\n", "other\n");
        assert_eq!(merged(driver, a, b, a).as_deref(), Ok(b), "local is old: new");
        assert_eq!(merged(driver, a, a, b).as_deref(), Ok(b), "new is old: local");
        assert_eq!(merged(driver, a, b, b).as_deref(), Ok(b), "local is new: that");
    }
}

fn with(path: &str, content: &str) -> MemoryTree {
    let mut tree = MemoryTree::new();
    tree.insert(path.as_bytes(), Node::new(Kind::File, content.as_bytes())).unwrap();
    tree
}

#[test]
fn a_driver_conflict_falls_back_to_the_devices_file_and_says_why() {
    let new = format!("{ROOT}mosquitto:x:1001:1001::/:/sbin/nologin\n");
    let local = format!("{ROOT}alice:x:1001:1001:Alice:/home/alice:/bin/bash\n");
    let trees = (with("passwd", ROOT), with("passwd", &new), with("passwd", &local));
    let report = Report::plan(&trees.0, &trees.1, &trees.2, &Policy::safe()).unwrap();
    let step = &report.steps[0];
    assert_eq!((step.class, step.lost), (Class::Conflict, Lost::NEW_CONTENT));
    assert_eq!(step.conflict.unwrap().resolution, Resolution::KeptLocal);
    assert_eq!(step.conflict.unwrap().loser(), Some(Side::New));
    let note = "passwd: the id 1001 would belong to `alice` of this device and to `mosquitto` of the image";
    assert_eq!(step.note.as_deref(), Some(note));
    let tree = merge_in_memory(&trees.0, &trees.1, &trees.2, &Policy::safe()).unwrap();
    assert_eq!(tree, trees.2);
}

#[test]
fn a_merged_file_holds_both_sides_and_is_no_conflict() {
    let rules = [Rule { pattern: "sysctl.conf", treatment: Treatment::Merge(Driver::KeyValue) }];
    let trees = (
        with("sysctl.conf", "a=1\nb=1\n"),
        with("sysctl.conf", "a=2\nb=1\n"),
        with("sysctl.conf", "a=1\nb=3\n"),
    );
    let policy = Policy::safe_with(&rules);
    let report = Report::plan(&trees.0, &trees.1, &trees.2, &policy).unwrap();
    assert_eq!((report.steps[0].class, report.steps[0].conflict), (Class::Merged, None));
    let etc_merge::Action::Place(place) = report.steps[0].action else { panic!("{report}") };
    assert_eq!(place.content, Content::Driver(Driver::KeyValue));
    let tree = merge_in_memory(&trees.0, &trees.1, &trees.2, &policy).unwrap();
    assert_eq!(tree, with("sysctl.conf", "a=2\nb=3\n"));
}
