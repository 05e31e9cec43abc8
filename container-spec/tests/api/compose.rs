//! Files to projects: the model, the short forms, and every way to be wrong.

use std::collections::BTreeMap;

use container_spec::compose::model::{Condition, MountKind, Restart, Service};
use container_spec::compose::{self, Environment, ErrorKind, Expected, Loader, Project, Source};
use serde_json::{Value, json};

const PIN: &str = "sha256:86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";

fn load(text: &str) -> Project {
    compose::load(text, &Environment::new()).unwrap_or_else(|error| panic!("{}: {error}\n{text}", error.at))
}

/// A service `a` with an image and these lines.
fn with(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("services:\n  a:\n    image: x\n{lines}")
}

fn service(lines: &str) -> Service {
    load(&with(lines)).services.remove("a").unwrap()
}

/// One property of service `a` in long form.
fn long(lines: &str, property: &str) -> Value {
    serde_json::to_value(service(lines)).unwrap()[property].take()
}

/// All problems as `line:column kind subject`.
fn problems(text: &str) -> Vec<(u32, u32, ErrorKind, String)> {
    let errors = compose::check(text, &Environment::new());
    errors.iter().map(|e| (e.at.line, e.at.column, e.kind, e.subject.to_string())).collect()
}

fn problem(lines: &str) -> (u32, u32, ErrorKind, String) {
    let mut problems = problems(&with(lines));
    assert_eq!(problems.len(), 1, "{lines}: {problems:?}");
    problems.remove(0)
}

#[test]
fn a_file_of_a_device_becomes_a_project() {
    let project = load(
        "version: '2.4'\nservices:\n  weston:\n    image: torizon/weston-vivante:2\n    environment: [ACCEPT=1]\n    network_mode: host\n    volumes:\n      - {type: bind, source: /tmp, target: /tmp}\n    cap_add: [CAP_SYS_TTY_CONFIG]\n    device_cgroup_rules: ['c 4:0 rmw', 'c 226:* rmw']\n  kiosk:\n    image: torizon/chromium:2\n    depends_on: [weston]\n    shm_size: 256mb\n    restart: on-failure:3\n    ports: ['8840:9000']\nvolumes:\n  data:\n",
    );
    let weston = &project.services["weston"];
    assert_eq!(weston.environment["ACCEPT"].as_deref(), Some("1"));
    assert_eq!(weston.volumes[0].0.kind(), MountKind::Bind);
    assert_eq!(weston.device_cgroup_rules[1].0, "c 226:* rmw");
    assert!(weston.networks.is_empty());
    let kiosk = &project.services["kiosk"];
    assert_eq!(kiosk.depends_on["weston"].condition, Condition::Started);
    assert_eq!(kiosk.shm_size.unwrap().0, 256 << 20);
    assert_eq!(kiosk.restart, Some(Restart::OnFailure(Some(3))));
    assert_eq!(kiosk.ports[0].published.as_ref().unwrap().0, "8840");
    assert_eq!(kiosk.networks.keys().collect::<Vec<_>>(), ["default"]);
    assert_eq!(project.networks.keys().collect::<Vec<_>>(), ["default"]);
    assert_eq!(project.start_order().unwrap(), ["weston", "kiosk"]);
}

#[test]
fn short_forms_become_long_ones() {
    for (lines, property, expected) in [
        ("command: sh -c 'a b'", "command", json!(["sh", "-c", "a b"])),
        ("command: [a, 'b c']", "command", json!(["a", "b c"])),
        ("command:", "command", Value::Null),
        ("command: ''", "command", json!([])),
        ("environment: [A=1, B=, C]", "environment", json!({"A": "1", "B": "", "C": null})),
        (
            "environment: {A: 1, B: '', C: , D: true, E: 1.50, F: 0x10}",
            "environment",
            json!({"A": "1", "B": "", "C": null, "D": "true", "E": "1.5", "F": "16"}),
        ),
        (
            "healthcheck: {test: curl x, interval: 1m30s, retries: 3}",
            "healthcheck",
            json!({"test": ["CMD-SHELL", "curl x"], "interval": "1m30s", "retries": 3}),
        ),
        ("ports: [80]", "ports", json!([{"target": 80, "protocol": "tcp", "mode": "ingress"}])),
        (
            "ports: ['127.0.0.1:80-81:90-91/udp']",
            "ports",
            json!([
            {"target": 90, "published": "80", "host_ip": "127.0.0.1", "protocol": "udp", "mode": "ingress"},
            {"target": 91, "published": "81", "host_ip": "127.0.0.1", "protocol": "udp", "mode": "ingress"}]),
        ),
        ("ports: [{target: '80', published: 8080}]", "ports", json!([{"target": 80, "published": "8080"}])),
        (
            "volumes: ['/a:/b:ro,z', '/c']",
            "volumes",
            json!([
            {"type": "bind", "source": "/a", "target": "/b", "read_only": true,
             "bind": {"create_host_path": true, "selinux": "z"}},
            {"type": "volume", "target": "/c"}]),
        ),
        (
            "devices: ['/dev/a:/dev/b:r', vendor.com/x=y]",
            "devices",
            json!([
            {"source": "/dev/a", "target": "/dev/b", "permissions": "r"},
            {"source": "vendor.com/x=y", "target": "vendor.com/x=y", "permissions": "rwm"}]),
        ),
        ("build: .", "build", json!({"context": "."})),
        (
            "ulimits: {nofile: 7, nproc: {soft: 1, hard: '2'}}",
            "ulimits",
            json!({"nofile": {"soft": 7, "hard": 7}, "nproc": {"soft": 1, "hard": 2}}),
        ),
        ("env_file: a.env", "env_file", json!([{"path": "a.env"}])),
        (
            "env_file: [a.env, {path: b.env, required: false}]",
            "env_file",
            json!([{"path": "a.env"}, {"path": "b.env", "required": false}]),
        ),
        (
            "extra_hosts: ['a:1.2.3.4', 'a=::1', 'b=c']",
            "extra_hosts",
            json!({"a": ["1.2.3.4", "::1"], "b": ["c"]}),
        ),
        ("dns: 8.8.8.8", "dns", json!(["8.8.8.8"])),
        ("tmpfs: /run", "tmpfs", json!(["/run"])),
        ("expose: [80, '90-91']", "expose", json!(["80", "90-91"])),
        ("mem_limit: 1g\nmemswap_limit: -1", "memswap_limit", json!(-1)),
        ("privileged: 'yes'", "privileged", json!(true)),
        ("labels: {a: b}\nx-own: {c: [1, 2.5, ~]}", "x-own", json!({"c": [1, 2.5, null]})),
        ("gpus: all", "gpus", json!("all")),
        ("stop_grace_period: 1h5m30s20ms", "stop_grace_period", json!("1h5m30.02s")),
        (
            "deploy: {resources: {limits: {cpus: '0.5', memory: 64M}}}",
            "deploy",
            json!({"resources": {"limits": {"cpus": "0.5", "memory": 64 << 20}}}),
        ),
    ] {
        assert_eq!(long(lines, property), expected, "{lines}");
    }
}

#[test]
fn dependencies_are_explicit_and_implied() {
    let text = "services:\n  a:\n    image: x\n    depends_on:\n      b: {condition: service_healthy, restart: true}\n      z: {condition: service_started, required: false}\n    links: ['c:alias']\n    ipc: service:d\n    volumes_from: ['e:ro', 'container:other']\n  b: {image: x}\n  c: {image: x}\n  d: {image: x}\n  e: {image: x}\n";
    let project = load(text);
    let depends: Vec<_> = project.services["a"]
        .depends_on
        .iter()
        .map(|(n, d)| (n.as_str(), d.condition, d.restart, d.required))
        .collect();
    let started = Condition::Started;
    assert_eq!(
        depends,
        [
            ("b", Condition::Healthy, true, true),
            ("c", started, false, true),
            ("d", started, false, true),
            ("e", started, false, true),
            ("z", started, false, false),
        ]
    );
    assert_eq!(project.start_order().unwrap(), ["b", "c", "d", "e", "a"]);
}

#[test]
fn names_every_problem_with_its_place() {
    let text = "services:\n  a:\n    imag: x\n    ports: ['99999:80']\n    user: 1000\n  b:\n    image: UPPER\n    depends_on: [c]\nbogus: 1\n";
    assert_eq!(
        problems(text),
        [
            (2, 3, ErrorKind::NoImage, "a".into()),
            (3, 5, ErrorKind::UnknownProperty, "imag".into()),
            (4, 13, ErrorKind::Port(container_spec::port::PortErrorKind::HostPort), "99999:80".into()),
            (5, 11, ErrorKind::Type(Expected::Text), "1000".into()),
            (
                7,
                12,
                ErrorKind::Image(container_spec::reference::ReferenceErrorKind::UpperCase),
                "UPPER".into()
            ),
            (8, 18, ErrorKind::Undefined("service"), "c".into()),
            (9, 1, ErrorKind::UnknownProperty, "bogus".into()),
        ]
    );
}

#[test]
fn refuses_values_of_the_wrong_type_or_form() {
    use ErrorKind::{Conflict, DuplicateItem, Missing, Type, Undefined, UnknownProperty};
    for (lines, line, column, kind, subject) in [
        ("volumes: /a", 4, 14, Type(Expected::List), "/a"),
        ("environment: A=1", 4, 18, Type(Expected::ListOrMapping), "A=1"),
        ("environment: [A=1, A=2]", 4, 24, DuplicateItem, "A"),
        ("environment:", 4, 16, Type(Expected::ListOrMapping), "nothing"),
        ("cap_add: [X, X]", 4, 18, DuplicateItem, "X"),
        ("pre_start: [{command: x}]", 4, 5, ErrorKind::RefusedProperty, "pre_start"),
        ("init: maybe", 4, 11, Type(Expected::Bool), "maybe"),
        ("pids_limit: 1.5", 4, 17, Type(Expected::Integer), "1.5"),
        (
            "healthcheck: {test: [curl]}",
            4,
            25,
            ErrorKind::Value("a list that starts with NONE, CMD or CMD-SHELL, and a command"),
            "test",
        ),
        ("healthcheck: {tset: x}", 4, 19, UnknownProperty, "tset"),
        ("command: \"it's\"", 4, 14, ErrorKind::UnclosedQuote, "it's"),
        ("volumes: [{type: bind, target: /x}]", 4, 15, Missing("source"), "volume"),
        ("volumes: [{type: bind, source: /x}]", 4, 15, Missing("target"), "volume"),
        ("volumes: ['data:/x']", 4, 15, Undefined("volume"), "data"),
        ("networks: [front]", 4, 16, Undefined("network"), "front"),
        ("secrets: [key]", 4, 14, Undefined("secret"), "key"),
        ("network_mode: host\nports: ['80:80']", 5, 12, Conflict("network_mode: host"), "ports"),
        ("network_mode: service:z", 4, 19, Undefined("service"), "z"),
        ("depends_on: {b: {}}", 4, 21, Missing("condition"), "depends_on"),
        ("oom_score_adj: 1001", 4, 20, ErrorKind::Value("a number from -1000 to 1000"), "value"),
        (
            "container_name: x",
            4,
            21,
            ErrorKind::Value("a letter or digit, then letters, digits, `_`, `.`, `-`"),
            "x",
        ),
        (
            "restart: sometimes",
            4,
            14,
            ErrorKind::Value("no, always, unless-stopped or on-failure[:number]"),
            "sometimes",
        ),
    ] {
        if lines.starts_with("depends_on") {
            // The dependency is unknown too.
            let problems = problems(&with(lines));
            assert_eq!((problems[1].0, problems[1].1, problems[1].2), (line, column, kind), "{lines}");
            continue;
        }
        assert_eq!(problem(lines), (line, column, kind, subject.to_owned()), "{lines}");
    }
}

#[test]
fn services_that_wait_for_each_other_are_refused() {
    let text = "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}\n";
    assert_eq!(problems(text), [(2, 3, ErrorKind::DependencyCycle, "a".into())]);
}

#[test]
fn two_services_cannot_have_the_same_port_or_container_name() {
    let text = "services:\n  a:\n    image: x\n    container_name: same\n    ports: ['80:1']\n  b:\n    image: x\n    container_name: same\n    ports: ['80:2', '80:2/udp']\n";
    assert_eq!(
        problems(text),
        [
            (8, 21, ErrorKind::Taken("service"), "same".into()),
            (9, 12, ErrorKind::Taken("service"), "80".into()),
        ]
    );
}

#[test]
fn invalid_yaml_is_refused_with_line_and_column() {
    let text = "version: \"2.4\"\nservices:\n  x:\n      image: x\n    volumes:\n       - /tmp:/tmp\n";
    let error = compose::load(text, &Environment::new()).unwrap_err();
    assert_eq!((error.at.line, error.at.column, error.kind), (5, 5, ErrorKind::Yaml));
}

#[test]
fn only_pinned_images_and_set_variables_can_be_locked() {
    let text = format!(
        "services:\n  a:\n    image: x:1\n  b:\n    image: y@{PIN}\n    user: $WHO\n  c:\n    build: .\n"
    );
    let errors = load(&text).locked().unwrap_err();
    let found: Vec<_> =
        errors.iter().map(|e| (e.at.line, e.at.column, e.kind, e.subject.to_string())).collect();
    assert_eq!(
        found,
        [
            (3, 12, ErrorKind::Unpinned, "x:1".into()),
            (6, 11, ErrorKind::Unresolved, "WHO".into()),
            (7, 3, ErrorKind::NoImage, "c".into()),
        ]
    );
    assert_eq!(
        load(&format!("services: {{a: {{image: 'x:1@{PIN}', user: '${{WHO:-root}}'}}}}")).locked(),
        Ok(())
    );
}

#[test]
fn the_config_hash_follows_the_container_and_nothing_else() {
    let hash = |lines: &str| service(lines).config_hash();
    let same = hash("ports: ['80:80']\nenvironment: {A: 1}");
    assert_eq!(hash("environment: ['A=1']\nports: ['80:80/tcp']\nprofiles: []\nx-note: y"), same);
    assert_eq!(hash("environment: ['A=1']\nports: ['80:80/tcp']\npull_policy: always\nscale: 1"), same);
    assert_ne!(hash("environment: ['A=2']\nports: ['80:80/tcp']"), same);
    assert_ne!(hash("environment: ['A=1']\nports: ['80:80/tcp']\ninit: false"), same);
    // A change here would make every container of every device anew.
    assert_eq!(same.to_string(), "sha256:100f9ab3b2b1761bbd9f52f439a19c93134d34ae23a116c8b495a4c914f40eee");
}

#[test]
fn the_model_survives_serialisation() {
    let project = load(&with(
        "ports: ['80:80']\nvolumes: ['/a:/b']\nhealthcheck: {test: x, interval: 5s}\nrestart: always\ncommand:\ndeploy: {replicas: 2}\nx-a: 1",
    ));
    let json = serde_json::to_string(&project).unwrap();
    let mut back: Project = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    back.services.get_mut("a").unwrap().extensions.clear();
    assert_eq!(back.services["a"].config_hash(), project.services["a"].config_hash());
}

#[test]
fn every_property_of_the_schema_is_modelled() {
    // The names under `definitions.service.properties` of compose-spec.json, compose-go 2026-07.
    let schema = "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs \
        container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus \
        cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search \
        domainname entrypoint env_file environment expose extends external_links extra_hosts gpus group_add \
        healthcheck hostname image init ipc isolation label_file labels links logging mac_address mem_limit \
        mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable \
        oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider \
        pre_start pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size \
        stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user \
        userns_mode uts volumes volumes_from working_dir";
    let schema: std::collections::BTreeSet<&str> = schema.split_whitespace().collect();
    let listed = Service::PROPERTIES.iter().chain(Service::REFUSED);
    let modelled: std::collections::BTreeSet<&str> = listed.copied().collect();
    assert_eq!(schema.len(), 93);
    assert_eq!(modelled, schema);
}

#[test]
fn what_needs_another_file_or_service_is_not_locked() {
    let include = format!("include:\n- b.yml\nservices:\n  a:\n    image: x@{PIN}\n");
    let extends = format!("services:\n  a:\n    extends:\n      service: b\n    image: x@{PIN}\n");
    for (text, at) in [(include, "1:1"), (extends, "3:5")] {
        let errors = compose::check_locked(&text).unwrap_err();
        let errors: Vec<_> = errors.iter().map(|error| (error.kind, error.at.to_string())).collect();
        assert_eq!(errors, [(ErrorKind::RefusedProperty, at.to_owned())], "{text}");
    }
}

#[test]
fn a_file_of_values_keeps_a_project_from_being_locked_by_service_and_line() {
    let image = format!("    image: x@{PIN}\n");
    for (property, lines, line, column) in [
        ("env_file", ["    env_file: a.env\n", &image], 3, 15),
        ("label_file", [&*image, "    label_file: a.env\n"], 4, 17),
    ] {
        let text = format!("services:\n  a:\n{}", lines.concat());
        let refused = compose::lock(&text, |_| None).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NamesFile(property));
        assert_eq!((refused.subject.as_str(), refused.at.line, refused.at.column), ("a", line, column));
        assert_eq!(compose::check_locked(&text), Err(vec![refused]));
        assert_eq!(load(&text).locked(), Err(vec![refused]));
        // Also if the file is there and was read.
        let files = BTreeMap::from([("/a.env".to_owned(), "N=1\n".to_owned())]);
        let (environment, source) = (Environment::new(), Source { path: "/compose.yml", text: &text });
        let project = Loader::new(&environment, files).load(&[source]).unwrap();
        assert_eq!(project.locked(), Err(vec![refused]));
    }
    let include = format!("include:\n- b.yml\nservices:\n  a:\n    image: x@{PIN}\n");
    assert_eq!(compose::lock(&include, |_| None).unwrap_err().kind, ErrorKind::RefusedProperty);
}

#[test]
fn what_yaml_1_1_and_1_2_take_for_different_things_is_not_locked() {
    let digest = "86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";
    let file = |value: &str| {
        format!("services:\n  web:\n    image: nginx@sha256:{digest}\n    ports:\n    - {value}\n")
    };
    for value in ["22:22", "1_000", "0b11", "190:20:30", "yes", "Off", "1_0.5"] {
        let refused = compose::lock(&file(value), |_| None).unwrap_err();
        let place = (refused.at.line, refused.at.column);
        assert_eq!((refused.kind, place), (ErrorKind::Ambiguous, (5, 7)), "{value}");
        // Said in quotes, it is what it says.
        let locked = compose::lock(&file(&format!("'{value}'")), |_| None).unwrap();
        assert!(locked.contains(&format!("    - '{value}'\n")), "{locked}");
    }
    for value in ["8080:80", "80", "true", "0x10", "1.5", "nginx"] {
        compose::lock(&file(value), |_| None).unwrap();
    }
}

#[test]
fn a_project_has_a_limited_number_of_ports() {
    let text = |more: &str| {
        format!(
            "services:\n  a:\n    image: x\n    ports: ['1-65535']\n  b:\n    image: x\n    ports: ['80'{more}]\n"
        )
    };
    let environment = Environment::new();
    let project = compose::load(&text(""), &environment).unwrap();
    let ports: usize = project.services.values().map(|service| service.ports.len()).sum();
    assert_eq!(ports, compose::limits::MAX_PORTS);
    let error = compose::load(&text(", '81', '82'"), &environment).unwrap_err();
    assert_eq!((error.at.line, error.at.column, error.kind), (7, 19, ErrorKind::TooManyPorts));
    assert_eq!(error.to_string(), "81: more than 65536 ports in all");
}

/// What costs more than its length in time would take hours at the sizes that are allowed; these take a moment.
#[test]
fn long_lists_and_deep_substitutions_take_time_by_their_length() {
    let list = |property: &str, item: &dyn Fn(u32) -> String| {
        let items: String = (0..60_000).map(|i| format!("    - {}\n", item(i))).collect();
        format!("services:\n  a:\n    image: x\n    {property}:\n{items}")
    };
    let start = std::time::Instant::now();
    let mut texts: Vec<String> =
        ["cap_add", "security_opt", "profiles"].map(|name| list(name, &|i| format!("x{i}"))).into();
    texts.push(list("volumes", &|i| format!("/x:/y{i}")));
    let depth = 60_000;
    texts.push(format!(
        "services:\n  a:\n    image: x\n    command: '{}{}'\n",
        "${A:-".repeat(depth),
        "}".repeat(depth)
    ));
    let each = |item: &dyn Fn(u32) -> String| (0..60_000).map(|i| item(i) + ", ").collect::<String>();
    texts.push(with(&format!("command: [{}{}]", each(&|i| format!("&k{i} v")), each(&|i| format!("*k{i}")))));
    let merges: String = (0..30_000).map(|i| format!("{{<<: *k, v: {i}}}, ")).collect();
    texts.push(format!(
        "x-k: &k {{k: v}}\nx-a: [{}]\nx-b: [{merges}]\n{}",
        each(&|i| format!("&k{i} v")),
        with("")
    ));
    for text in texts {
        compose::load(&text, &Environment::new()).unwrap();
    }
    let numbers: String = (0..60_000).map(|i| format!("{i}: x\n")).collect();
    let canonical = compose::canonical(&format!("{numbers}a: b\n")).unwrap();
    assert_eq!(canonical.lines().count(), 60_001);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
