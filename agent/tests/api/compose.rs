//! `ota-agent compose`, run as a process on files.

use std::fs;
use std::process::{Command, Output};

const DIGEST: &str = "86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";

fn compose(file: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yml"), file).unwrap();
    fs::write(directory.path().join("variables"), "TAG=1.25\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    command.current_dir(directory.path()).arg("compose").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn check_prints_a_line_for_each_problem_with_its_place() {
    let output = compose("services:\n  web:\n    imagee: nginx\n    ports: ['x']\n", &["check", "a.yml"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("a.yml:3:5: imagee: ")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("a.yml:4:13: x: port: ")), "{lines:#?}");
    let good =
        compose("services:\n  web:\n    image: nginx:$TAG\n", &["check", "a.yml", "--env-file", "variables"]);
    assert_eq!((good.status.code(), text(&good.stdout)), (Some(0), ""));
}

#[test]
fn check_reads_no_more_than_a_file_may_have_and_says_where_a_text_is_none() {
    let output = compose("", &["check", "/dev/zero"]);
    let said = "/dev/zero:1:1: the file has more than 4194304 bytes\n";
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(1), said, ""));
    let output = compose("", &["check", "--json", "/dev/zero"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&line["line"], &line["message"]),
        (&1.into(), &"the file has more than 4194304 bytes".into())
    );
    let output = compose("", &["canonical", "/dev/zero"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), format!("ota-agent: error: {said}"));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yml");
    fs::write(&path, b"a: b\n\xc3\xa4: \xff\n").unwrap();
    let output = compose("", &["check", path.to_str().unwrap()]);
    assert_eq!(text(&output.stdout), format!("{}:2:4: this is no UTF-8\n", path.display()));
    let output = compose("", &["check", "missing.yml"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(text(&output.stderr).contains("missing.yml"), "{}", text(&output.stderr));
}

#[test]
fn canonical_judges_yaml_and_nothing_else() {
    let output = compose("b: [1, yes]\na: 'x'\n", &["canonical", "a.yml"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "a: x\nb:\n- 1\n- true\n"));
    let output = compose("a: [\n", &["canonical", "a.yml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("ota-agent: error: a.yml:2:1: "), "{}", text(&output.stderr));
}

#[test]
fn lock_pins_what_it_is_given_a_digest_for_and_refuses_the_rest() {
    let file = "services:\n  web: {image: 'nginx:1.25'}\n";
    let refused = compose(file, &["lock", "a.yml"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("a.yml:2:16: nginx:1.25: the image is not pinned"), "{said}");
    let locked = compose(file, &["lock", "a.yml", "--image", &format!("nginx:1.25=sha256:{DIGEST}")]);
    assert_eq!(locked.status.code(), Some(0), "{}", text(&locked.stderr));
    let locked = text(&locked.stdout);
    assert_eq!(locked, format!("services:\n  web:\n    image: nginx@sha256:{DIGEST}\n"));
    let again = compose(locked, &["lock", "a.yml"]);
    assert_eq!(text(&again.stdout), locked);
    let outside = compose(&format!("{locked}    env_file: variables\n"), &["lock", "a.yml"]);
    let said = "ota-agent: error: a.yml:4:15: web: `env_file` names another file, whose content nothing pins: write its \
                values into this one\n";
    assert_eq!((outside.status.code(), text(&outside.stderr)), (Some(1), said));
}

#[test]
fn plan_ends_with_the_confirmation_and_says_the_way_back() {
    let file = format!("services:\n  web:\n    image: nginx@sha256:{DIGEST}\n");
    let output = compose(&file, &["plan", "a.yml", "--project", "panel", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let steps: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = steps.iter().map(|step| step["step"]["step"].as_str().unwrap()).collect();
    assert_eq!(names.last(), Some(&"confirm"));
    let created = steps.iter().find(|step| step["step"]["step"] == "create").unwrap();
    assert_eq!(created["undo"]["container"], "panel-web-1.next");
    assert!(steps.last().unwrap()["undo"].is_null());
    let unpinned = compose("services:\n  web:\n    image: nginx\n", &["plan", "a.yml"]);
    assert_eq!(unpinned.status.code(), Some(1));
}

#[test]
fn requests_are_json_lines_that_name_project_and_service() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yml");
    fs::write(&file, "services:\n  web:\n    image: nginx\n    volumes: ['./www:/www:ro']\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ota-agent"))
        .args(["compose", "requests", "--project", "shop"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let paths: Vec<_> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "/v1.41/images/create?fromImage=docker.io%2Flibrary%2Fnginx&tag=latest",
            "/v1.41/networks/create",
            "/v1.41/containers/create?name=shop-web-1",
            "/v1.41/containers/shop-web-1/start",
        ]
    );
    assert_eq!(lines[2]["method"], "POST");
    assert_eq!(lines[2]["body"]["Labels"]["com.docker.compose.service"], "web");
    let bind = format!("{}/www:/www:ro", directory.path().display());
    assert_eq!(lines[2]["body"]["HostConfig"]["Binds"], serde_json::json!([bind]));

    fs::write(&file, "services:\n  web:\n    build: .\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ota-agent"))
        .args(["compose", "requests"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.ends_with("error: service web has no image\n"), "{said}");
}

#[test]
fn a_check_of_a_locked_file_refuses_what_is_not_pinned_or_not_set() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yml");
    fs::write(&file, "services:\n  web:\n    image: nginx\n    user: $WHO\n").unwrap();
    let check = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        let output = command.args(["compose", "check"]).args(arguments).arg(&file).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(check(&[]), (Some(0), String::new()));
    let name = file.display();
    let problems = format!(
        "{name}:3:12: nginx: the image is not pinned by a sha256 digest\n{name}:4:11: WHO: the variable is not set\n"
    );
    assert_eq!(check(&["--locked"]), (Some(1), problems));
}

#[test]
fn several_files_are_merged_and_their_problems_named_by_file() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("a.yml", &format!("include: [sub/c.yml]\nservices:\n  web: {{image: 'nginx@sha256:{DIGEST}'}}\n"));
    write("b.yml", "services:\n  web: {volumes: ['./www:/www'], depends_on: [db], profiles: [full]}\n");
    write("broken.yml", "services:\n  web: {image: !reset x, bogus: 1}\n");
    write(
        "sub/c.yml",
        &format!("services:\n  db: {{image: 'postgres@sha256:{DIGEST}', volumes: ['./data:/data']}}\n"),
    );
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.env_remove("COMPOSE_PROFILES").current_dir(directory.path());
        command.arg("compose").args(arguments).output().unwrap()
    };
    let lines = |output: &Output| text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>();

    let check = run(&["check", "--locked", "-f", "a.yml", "-f", "b.yml"]);
    assert_eq!((check.status.code(), text(&check.stdout)), (Some(0), ""), "{}", text(&check.stderr));
    let requests = run(&["requests", "a.yml", "b.yml", "--profile", "full"]);
    let binds: Vec<serde_json::Value> = lines(&requests)
        .iter()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|request| request["path"].as_str().unwrap().contains("/containers/create"))
        .map(|request| request["body"]["HostConfig"]["Binds"][0].clone())
        .collect();
    let root = directory.path().display();
    assert_eq!(binds, [format!("{root}/sub/data:/data:rw"), format!("{root}/www:/www:rw")]);
    let without = run(&["requests", "a.yml", "b.yml"]);
    assert!(!text(&without.stdout).contains("torizon-web-1"), "{}", text(&without.stdout));

    let check = run(&["check", "a.yml", "broken.yml"]);
    assert_eq!(check.status.code(), Some(1));
    assert_eq!(
        lines(&check),
        ["a.yml:3:3: web: the service has no image", "broken.yml:2:26: bogus: unknown property"]
    );
    let canonical = run(&["canonical", "a.yml", "b.yml"]);
    assert!(
        text(&canonical.stdout)
            .starts_with("include:\n- sub/c.yml\nservices:\n  web:\n    depends_on:\n    - db\n")
    );
}
