//! Several files to one project: the rules of merging, and the tags that change them.

use std::collections::BTreeMap;

use container_spec::compose::{Environment, Error, ErrorKind, Loader, Project, Source, limits};
use serde_json::{Value, json};

fn indented(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("services:\n  a:\n{lines}")
}

fn load(texts: &[&str]) -> Result<Project, Error> {
    let names: Vec<String> = (0..texts.len()).map(|n| format!("/app/{n}.yml")).collect();
    let sources: Vec<Source<'_>> =
        names.iter().zip(texts).map(|(path, text)| Source { path, text }).collect();
    Loader::new(&Environment::new(), BTreeMap::new()).load(&sources)
}

/// Properties of service `a` when the second lines are put over the first.
fn merged(base: &str, over: &str) -> Value {
    let project = load(&[&indented(&format!("image: x\n{base}")), &indented(over)]);
    let project = project.unwrap_or_else(|error| panic!("{base} / {over}: {}: {error}", error.at));
    let mut service = serde_json::to_value(&project.services["a"]).unwrap();
    let service = service.as_object_mut().unwrap();
    for common in ["image", "networks"] {
        if service[common] == "x" || service[common] == json!({ "default": null }) {
            service.remove(common);
        }
    }
    service.clone().into()
}

#[test]
fn values_are_merged_by_the_rules_of_their_paths() {
    // The cases of compose-go's `override` tests and of `13-merge.md`, re-stated as data.
    let port = |published: &str, target: u16| json!({"target": target, "published": published, "protocol": "tcp", "mode": "ingress"});
    let bind = |source: &str| json!({"type": "bind", "source": source, "target": "/w", "bind": {"create_host_path": true}});
    for (base, over, expected) in [
        // Scalars.
        ("user: a", "user: b", json!({"user": "b"})),
        ("user: a", "tty: true", json!({"user": "a", "tty": true})),
        // Commands are replaced.
        ("command: [echo, foo]", "command: [bar]", json!({"command": ["bar"]})),
        ("command: echo foo", "command: ", json!({})),
        ("entrypoint: a b", "entrypoint: [c]", json!({"entrypoint": ["c"]})),
        (
            "healthcheck: {test: [CMD, a], retries: 2}",
            "healthcheck: {test: b, interval: 5s}",
            json!({"healthcheck": {"test": ["CMD-SHELL", "b"], "retries": 2, "interval": "5s"}}),
        ),
        // Names with values, in either form.
        (
            "environment: [A=1, B=2, C]",
            "environment: {B: 3, D: ~}",
            json!({"environment": {"A": "1", "B": "3", "C": null, "D": null}}),
        ),
        ("environment: {A: 1.50}", "environment: [A=1.50]", json!({"environment": {"A": "1.50"}})),
        ("labels: {a: b}", "labels: [a=c, d]", json!({"labels": {"a": "c", "d": null}})),
        ("annotations: [a=b]", "annotations: {c: d}", json!({"annotations": {"a": "b", "c": "d"}})),
        ("sysctls: {a.b: 1}", "sysctls: [a.b=2]", json!({"sysctls": {"a.b": "2"}})),
        (
            "deploy: {labels: [a=b], replicas: 1}",
            "deploy: {labels: {a: c}}",
            json!({"deploy": {"labels": {"a": "c"}, "replicas": 1}}),
        ),
        // Texts and lists of texts.
        ("dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]", json!({"dns": ["1.1.1.1", "8.8.8.8"]})),
        ("dns_search: [a]", "dns_search: b", json!({"dns_search": ["a", "b"]})),
        ("tmpfs: /run", "tmpfs: ['/run:size=1m', /tmp]", json!({"tmpfs": ["/run:size=1m", "/tmp"]})),
        // Lists whose entries have a key.
        (
            "ports: ['8080:80', '443:443']",
            "ports: ['8443:443', {target: 80, published: 8080}]",
            json!({"ports": [{"target": 80, "published": "8080"}, port("443", 443), port("8443", 443)]}),
        ),
        ("ports: ['80-81:80-81']", "ports: ['81:81']", json!({"ports": [port("80", 80), port("81", 81)]})),
        ("ports: ['0.0.0.0:80:80']", "ports: ['80:80']", json!({"ports": [port("80", 80)]})),
        ("volumes: ['/foo:/w']", "volumes: ['/bar:/w/']", json!({"volumes": [bind("/bar")]})),
        (
            "volumes: [{type: bind, source: /foo, target: /w}, /x]",
            "volumes: ['/bar:/w']",
            json!({"volumes": [bind("/bar"), {"type": "volume", "target": "/x"}]}),
        ),
        (
            "devices: [/dev/a, '/dev/b:/dev/c:r']",
            "devices: ['/dev/d:/dev/a', /dev/e]",
            json!({"devices": [
                {"source": "/dev/d", "target": "/dev/a", "permissions": "rwm"},
                {"source": "/dev/b", "target": "/dev/c", "permissions": "r"},
                {"source": "/dev/e", "target": "/dev/e", "permissions": "rwm"}]}),
        ),
        ("expose: [80]", "expose: ['80', 81]", json!({"expose": ["80", "81"]})),
        ("cap_add: [A]", "cap_add: [B, A]", json!({"cap_add": ["A", "B"]})),
        ("security_opt: [a]", "security_opt: [a]", json!({"security_opt": ["a"]})),
        (
            "device_cgroup_rules: ['c 1:* r']",
            "device_cgroup_rules: ['c 1:* r', 'c 2:* r']",
            json!({"device_cgroup_rules": ["c 1:* r", "c 2:* r"]}),
        ),
        // Hosts may have several addresses.
        (
            "extra_hosts: ['a:1.1.1.1']",
            "extra_hosts: {a: 2.2.2.2, b: [3.3.3.3]}",
            json!({"extra_hosts": {"a": ["1.1.1.1", "2.2.2.2"], "b": ["3.3.3.3"]}}),
        ),
        (
            "extra_hosts: [a=1.1.1.1]",
            "extra_hosts: ['a:1.1.1.1']",
            json!({"extra_hosts": {"a": ["1.1.1.1"]}}),
        ),
        // Logging is merged within one driver.
        (
            "logging: {driver: x, options: {a: 1}}",
            "logging: {options: {b: 2}}",
            json!({"logging": {"driver": "x", "options": {"a": "1", "b": "2"}}}),
        ),
        (
            "logging: {driver: x, options: {a: 1}}",
            "logging: {driver: y, options: {b: 2}}",
            json!({"logging": {"driver": "y", "options": {"b": "2"}}}),
        ),
        // Forms of which only one is a mapping.
        (
            "ulimits: {nofile: 1, nproc: {soft: 1, hard: 2}}",
            "ulimits: {nofile: {soft: 3, hard: 4}, nproc: {hard: 5}}",
            json!({"ulimits": {"nofile": {"soft": 3, "hard": 4}, "nproc": {"soft": 1, "hard": 5}}}),
        ),
        (
            "ulimits: {nproc: {soft: 1, hard: 2}}",
            "ulimits: {nproc: 7}",
            json!({"ulimits": {"nproc": {"soft": 7, "hard": 7}}}),
        ),
        (
            "build: ./dir",
            "build: {args: [A=1]}",
            json!({"build": {"context": "/app/dir", "args": {"A": "1"}}}),
        ),
        (
            "build: {context: dir, args: {A: 1}, dockerfile: D}",
            "build: other",
            json!({"build": {"context": "/app/other", "args": {"A": "1"}, "dockerfile": "D"}}),
        ),
        (
            "build: {ssh: default}",
            "build: {ssh: [k=/p]}",
            json!({"build": {"ssh": {"default": null, "k": "/p"}}}),
        ),
        ("gpus: all", "gpus: [{count: 1}]", json!({"gpus": [{"count": "1"}]})),
        // Nothing over a collection adds nothing.
        (
            "ports: ['1:1']",
            "logging: {driver: x}",
            json!({"ports": [port("1", 1)], "logging": {"driver": "x"}}),
        ),
        // Unknown to the specification.
        ("x-a: {b: 1}", "x-a: {c: 2}", json!({"x-a": {"c": 2}})),
    ] {
        assert_eq!(merged(base, over), expected, "{base} / {over}");
    }
}

#[test]
fn what_services_refer_to_is_merged_too() {
    let base = "services:\n  a: {image: x, depends_on: [b, c], networks: [n], secrets: [s]}\n  b: {image: x}\n  c: {image: x}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}, labels: [a=b]}\nsecrets: {s: {file: ./s}}\nvolumes: {v: }\n";
    let over = "services:\n  a:\n    depends_on: {b: {condition: service_healthy}}\n    networks: {n: {aliases: [q]}, m: }\n    secrets: [{source: s, target: t}]\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.0.0/24, ip_range: 10.0.0.8/29}, {subnet: 10.1.0.0/24}]}, labels: {a: c}}\n  m: {internal: true}\nvolumes: {v: {driver: local}}\n";
    let project = load(&[base, over]).unwrap();
    let a = serde_json::to_value(&project.services["a"]).unwrap();
    assert_eq!(
        a["depends_on"],
        json!({
            "b": {"condition": "service_healthy", "required": true},
            "c": {"condition": "service_started", "required": true},
        })
    );
    assert_eq!(a["networks"], json!({"n": {"aliases": ["q"]}, "m": null}));
    assert_eq!(a["secrets"], json!([{"source": "s"}, {"source": "s", "target": "t"}]));
    let networks = serde_json::to_value(&project.networks).unwrap();
    assert_eq!(
        networks["n"],
        json!({
            "ipam": {"config": [
                {"subnet": "10.0.0.0/24", "gateway": "10.0.0.1", "ip_range": "10.0.0.8/29"},
                {"subnet": "10.1.0.0/24"}]},
            "labels": {"a": "c"},
            "name": "app_n",
        })
    );
    assert_eq!(project.volumes["v"].driver.as_deref(), Some("local"));
    assert_eq!(project.secrets["s"].file.as_deref(), Some("/app/s"));
}

#[test]
fn reset_removes_and_override_replaces() {
    let base = "ports: ['8080:80']\nenvironment: {FOO: BAR, B: c}\nlabels: {a: b}\nuser: root";
    for (over, expected) in [
        (
            "ports: !reset []\nenvironment: {FOO: !reset null}",
            json!({"environment": {"B": "c"}, "labels": {"a": "b"}, "user": "root"}),
        ),
        (
            "ports: !override ['8443:443']\nlabels: !override {c: d}\nenvironment: !reset {}\nuser: !reset x",
            json!({
                "ports": [{"target": 443, "published": "8443", "protocol": "tcp", "mode": "ingress"}],
                "labels": {"c": "d"},
            }),
        ),
        // Of what was not there.
        ("tty: !reset true\nenvironment: !reset\nlabels: !reset\nports: !reset", json!({"user": "root"})),
    ] {
        assert_eq!(merged(base, over), expected, "{over}");
    }
    // A later file may set again what was removed.
    let project = load(&[
        &indented("image: x\ncap_add: [A]"),
        &indented("cap_add: !reset []"),
        &indented("cap_add: [B]"),
    ]);
    assert_eq!(*project.unwrap().services["a"].cap_add, ["B"]);
    // In one file alone, the tags change nothing but that.
    let project = load(&[&indented("image: x\ncap_add: !override [A]\ntty: !reset true")]).unwrap();
    assert_eq!((&*project.services["a"].cap_add, project.services["a"].tty), (&["A".to_owned()][..], None));
    // A whole service.
    let project = load(&["services: {a: {image: x}, b: {image: y}}", "services: {b: !reset }"]).unwrap();
    assert_eq!(project.services.keys().collect::<Vec<_>>(), ["a"]);
    // An entry of a list has no key by which another one could be found.
    let error = load(&[&indented("image: x\ncap_add: [!reset A]")]).unwrap_err();
    assert_eq!((error.at.to_string().as_str(), error.kind), ("4:15", ErrorKind::UnknownTag));
}

#[test]
fn values_of_another_kind_cannot_replace_a_collection() {
    for (base, over, column, kind, subject) in [
        ("healthcheck: {retries: 1}", "healthcheck: [x]", 18, "list", "healthcheck"),
        ("ports: ['1:1']", "ports: {a: b}", 12, "mapping", "ports"),
        ("volumes: [/a]", "volumes: /b", 14, "text", "volumes"),
        ("deploy: {labels: {a: b}}", "deploy: {labels: 7}", 22, "text", "labels"),
    ] {
        let error = load(&[&indented(&format!("image: x\n{base}")), &indented(over)]).unwrap_err();
        let found = (error.at.file, error.at.line, error.at.column, error.kind, error.subject.as_str());
        assert_eq!(found, (1, 3, column, ErrorKind::BadOverride(kind), subject), "{base} / {over}");
    }
}

#[test]
fn a_problem_is_reported_with_the_file_it_stands_in() {
    let base = "services:\n  a: {image: x}\n  b: {image: x, ports: ['80:80']}\n";
    let over = "services:\n  a:\n    bogus: 1\n    user: 7\n    ports: ['80:81']\n    depends_on: [z]\n";
    let sources = [Source { path: "/app/a.yml", text: base }, Source { path: "/app/b.yml", text: over }];
    let environment = Environment::new();
    let mut loader = Loader::new(&environment, BTreeMap::new());
    let errors = loader.load_all(&sources).unwrap_err();
    let found: Vec<_> =
        errors.iter().map(|e| format!("{}:{}: {e}", loader.path(e.at.file).unwrap(), e.at)).collect();
    assert_eq!(
        found,
        [
            "/app/a.yml:3:24: 80: another service has this already",
            "/app/b.yml:3:5: bogus: unknown property",
            "/app/b.yml:4:11: 7: must be a text (numbers and truth values need quotes)",
            "/app/b.yml:6:18: z: no such service is defined",
        ]
    );
}

#[test]
fn each_file_is_interpolated_on_its_own_before_it_is_merged() {
    let environment: Environment = [("A", "[x")].into_iter().collect();
    let sources = [
        Source { path: "a.yml", text: "services: {a: {image: x, user: $A, command: $NOT}}" },
        Source { path: "b.yml", text: "services: {a: {command: y, hostname: \"$$A\"}}" },
    ];
    let project = Loader::new(&environment, BTreeMap::new()).load(&sources).unwrap();
    let a = &project.services["a"];
    assert_eq!((a.user.as_deref(), a.hostname.as_deref()), (Some("[x"), Some("$A")));
    let unset: Vec<_> = project.unset.iter().map(|unset| (unset.at.file, unset.name.as_str())).collect();
    assert_eq!(unset, [(0, "NOT")]);
}

#[test]
fn a_project_has_a_bounded_number_of_files() {
    let text = "services: {a: {image: x}}";
    let most = vec![text; limits::MAX_FILES];
    assert_eq!(load(&most).unwrap().services.len(), 1);
    let error = load(&vec![text; limits::MAX_FILES + 1]).unwrap_err();
    assert_eq!((error.kind, error.subject.as_str()), (ErrorKind::TooManyFiles, "64.yml"));
    assert_eq!(load(&[]).unwrap_err().kind, ErrorKind::NoFile);
}

#[test]
fn a_list_that_names_something_twice_is_not_merged() {
    let error = load(&[&indented("image: x\nenvironment: [A=1, A=2]"), &indented("environment: {B: 1}")]);
    let error = error.unwrap_err();
    assert_eq!(
        (error.at.file, error.at.to_string().as_str(), error.kind, error.subject.as_str()),
        (0, "4:24", ErrorKind::DuplicateItem, "A")
    );
}

#[test]
fn several_files_have_one_canonical_text() {
    use container_spec::compose::{canonical_files, lock_files};
    let base = "services:\n  a: {image: 'x:1', ports: ['1:1'], environment: &e {A: $A}}\n  b: {image: y, environment: *e}\n";
    let over =
        "services:\n  a: {ports: !override ['2:2'], environment: [B=2]}\n  b: {image: !reset z, build: .}\n";
    let text = "services:\n  a:\n    environment:\n      A: $A\n      B: '2'\n    image: x:1\n    ports:\n    - '2:2'\n  b:\n    build: .\n    environment:\n      A: $A\n";
    assert_eq!(canonical_files(&[base, over]).unwrap(), text);
    // An alias stays one where both files leave it alone.
    let text = canonical_files(&[base, "services:\n  b: {tty: true}\n"]).unwrap();
    assert!(text.contains("environment: &id001\n") && text.contains("environment: *id001\n"), "{text}");
    let error = lock_files(&[base, "services:\n  a: {image: 'z:2'}\n"], |_| None).unwrap_err();
    assert_eq!((error.at.file, error.at.to_string().as_str(), error.kind), (1, "2:14", ErrorKind::Unpinned));
    assert_eq!(canonical_files(&[]).unwrap_err().kind, ErrorKind::NoFile);
    let most = vec!["a: 1\n"; limits::MAX_FILES];
    assert_eq!(canonical_files(&most).as_deref(), Ok("a: 1\n"));
    let error = canonical_files(&vec!["a: 1\n"; limits::MAX_FILES + 1]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooManyFiles);
}
