//! Projects against `docker-compose config` 1.29.2: what it writes must mean the same as what it read.
//!
//! Both texts are loaded by us, and must be the same project. So a value that 1.29.2 resolves (merged files,
//! extended services, files of variables, paths, short forms) is compared with what we resolve it to; a value
//! that it hands through as it is says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use container_spec::compose::{self, Environment, ErrorKind, Files, Loader, Source};
use serde_json::{Value, json};
use testkit::tools;

use super::canonical::Random;

/// The Python of docker-compose, which answers one question a line.
struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Self {
        assert!(
            tools::is_installed("docker-compose"),
            "docker-compose 1.29.2 is needed: apt-get install docker-compose"
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/config.py");
        let mut child = tools::tool("/usr/bin/python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// The text that `docker-compose config` prints, or why it refuses.
    fn config(
        &mut self,
        directory: &Path,
        files: &[&str],
        environment: &Environment,
    ) -> Result<String, String> {
        let paths: Vec<_> = files.iter().map(|file| directory.join(file)).collect();
        let variables: BTreeMap<&str, &str> = environment.iter().collect();
        let task = json!({"directory": directory, "files": paths, "environment": variables});
        writeln!(self.input, "{task}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        match answer["text"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(answer["error"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Disk;

impl Files for Disk {
    fn read(&mut self, path: &str) -> Result<String, ErrorKind> {
        fs::read_to_string(path).map_err(|_| ErrorKind::NoFile)
    }
}

/// The project as JSON, or its first problem.
fn ours(directory: &Path, texts: &[(String, String)], environment: &Environment) -> Result<Value, String> {
    let sources: Vec<Source<'_>> = texts.iter().map(|(path, text)| Source { path, text }).collect();
    let mut loader = Loader::new(environment, Disk).name("p").directory(directory.to_str().unwrap());
    let project = loader.load(&sources).map_err(|error| format!("{}: {error}", error.at))?;
    let mut project = serde_json::to_value(&project).unwrap();
    project.as_object_mut().unwrap().remove("version");
    for service in project["services"].as_object_mut().unwrap().values_mut() {
        forget_forms(service);
    }
    Ok(project)
}

/// Lists that 1.29.2 sorts when it merges them.
const SETS: &[&str] = &[
    "cap_add",
    "cap_drop",
    "configs",
    "device_cgroup_rules",
    "devices",
    "expose",
    "external_links",
    "links",
    "ports",
    "profiles",
    "secrets",
    "security_opt",
    "volumes",
    "volumes_from",
];

/// Removes what only says in which form a value was written.
fn forget_forms(service: &mut Value) {
    for port in service["ports"].as_array_mut().into_iter().flatten() {
        let port = port.as_object_mut().unwrap();
        port.retain(|key, value| {
            !(key == "mode" && value == "ingress" || key == "protocol" && value == "tcp")
        });
    }
    for value in service["networks"].as_object_mut().into_iter().flat_map(|networks| networks.values_mut()) {
        if value.is_null() {
            *value = json!({});
        }
    }
    for value in service["labels"].as_object_mut().into_iter().flat_map(|labels| labels.values_mut()) {
        if value.is_null() {
            *value = "".into();
        }
    }
    if service["healthcheck"]["disable"] == true {
        service["healthcheck"] = json!({"test": ["NONE"]});
    }
    let service = service.as_object_mut().unwrap();
    service.retain(|_, value| !value.is_null());
    for name in SETS {
        if let Some(list) = service.get_mut(*name).and_then(Value::as_array_mut) {
            list.sort_by_key(Value::to_string);
        }
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Equal,
    BothRefuse,
    OnlyOurs(String),
    OnlyTheirs(String),
    /// The paths at which the projects differ, with both values.
    Different(Vec<String>),
}

fn compare(python: &mut Python, directory: &Path, files: &[&str], environment: &Environment) -> Outcome {
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            let path = directory.join(file);
            (path.to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    let theirs = python.config(directory, files, environment);
    match (ours(directory, &texts, environment), theirs) {
        (Err(_), Err(_)) => Outcome::BothRefuse,
        (Ok(_), Err(why)) => Outcome::OnlyOurs(why),
        (Err(why), Ok(_)) => Outcome::OnlyTheirs(why),
        (Ok(ours_read), Ok(text)) => {
            let path = directory.join("theirs.yml").to_str().unwrap().to_owned();
            match ours(directory, &[(path, text.clone())], environment) {
                Ok(theirs_read) => {
                    let mut differences = Vec::new();
                    differ("", &ours_read, &theirs_read, &mut differences);
                    if differences.is_empty() { Outcome::Equal } else { Outcome::Different(differences) }
                }
                Err(why) => Outcome::OnlyTheirs(format!("{why} of its own output\n{text}")),
            }
        }
    }
}

fn differ(path: &str, ours: &Value, theirs: &Value, differences: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) if path.matches('/').count() < 3 => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let null = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                differ(&format!("{path}/{key}"), a, b, differences);
            }
        }
        _ if ours == theirs => {}
        _ => differences.push(format!("{path}: ours {ours}, theirs {theirs}")),
    }
}

/// Every variable that the text uses, set to a number, which is good for a port and for a tag; `PWD` to a path.
fn variables(text: &str) -> Environment {
    let mut environment = Environment::new();
    for (index, _) in text.match_indices('$') {
        let name = text[index + 1..].trim_start_matches('{');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        if end > 0 {
            let value = if &name[..end] == "PWD" { "/srv" } else { "1234" };
            environment.set(&name[..end], value);
        }
    }
    environment
}

/// What the samples of a directory give, by file name.
fn samples(directory: &Path) -> BTreeMap<String, Outcome> {
    let work = tempfile::tempdir().unwrap();
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), work.path().join(&name)).unwrap();
            names.push(name);
        }
    }
    let mut python = Python::start();
    let mut outcomes = BTreeMap::new();
    for name in names.iter().filter(|name| name.ends_with("yml") || name.ends_with("yaml")) {
        let text = fs::read_to_string(work.path().join(name)).unwrap();
        // An override belongs to the file without that word.
        let base = name.find(".override").map(|start| format!("{}.yml", &name[..start]));
        let files: Vec<&str> = base.as_deref().into_iter().chain([name.as_str()]).collect();
        let outcome = compare(&mut python, work.path(), &files, &variables(&text));
        outcomes.insert(name.clone(), outcome);
    }
    outcomes
}

#[test]
fn our_samples_equal_docker_compose() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/samples");
    let outcomes = samples(&directory);
    assert_eq!(outcomes.len(), 5);
    let other: Vec<_> = outcomes.iter().filter(|(_, outcome)| **outcome != Outcome::Equal).collect();
    assert!(other.is_empty(), "{other:#?}");
}

/// Real files are not ours to keep: the variable names a directory of them.
#[test]
#[ignore = "needs COMPOSE_SAMPLES, a directory of Compose files"]
fn real_samples_equal_docker_compose() {
    let directory = std::env::var_os("COMPOSE_SAMPLES").expect("COMPOSE_SAMPLES names a directory");
    let directory = Path::new(&directory);
    let (mut equal, mut refused, mut images) = (0, 0, 0);
    for (name, outcome) in samples(directory) {
        match outcome {
            Outcome::Equal => equal += 1,
            Outcome::BothRefuse => {
                let text = fs::read_to_string(directory.join(&name)).unwrap();
                let error = compose::load(&text, &variables(&text)).unwrap_err();
                assert!(error.at.line > 0 && error.at.column > 0, "{name}: {error}");
                println!("{name}:{}: {error}", error.at);
                refused += 1;
            }
            // 1.29.2 does not look at the names of images, and templates have none yet.
            Outcome::OnlyTheirs(why) if why.ends_with("image: this is not a repository name") => {
                println!("{name}:{why}");
                images += 1;
            }
            other => panic!("{name}: {other:#?}"),
        }
    }
    println!("{equal} equal, {refused} refused by both, {images} refused by us for the name of an image");
    assert!(equal > 0);
}

#[test]
fn the_script_answers_as_the_command_does() {
    let directory = tempfile::tempdir().unwrap();
    let text = "services:\n  a: {image: x, command: \"echo $$A\", ports: ['1:1'], environment: [A=1]}\n";
    fs::write(directory.path().join("a.yml"), text).unwrap();
    let mut command = tools::tool("docker-compose");
    let printed = tools::success(command.current_dir(&directory).args(["-f", "a.yml", "config"]));
    let answer = Python::start().config(directory.path(), &["a.yml"], &Environment::new()).unwrap();
    assert_eq!(String::from_utf8(printed).unwrap().trim_end(), answer.trim_end());
}

/// Properties that 1.29.2 knows, with values of all their forms.
const PROPERTIES: &[(&str, &[&str])] = &[
    (
        "build",
        &[
            "./dir",
            "{context: dir, args: [A=1, B], target: t}",
            "{context: ../x, args: {A: 2}, labels: {l: m}}",
        ],
    ),
    ("cap_add", &["[SYS_TTY_CONFIG]", "[NET_ADMIN, SYS_TTY_CONFIG]"]),
    ("cap_drop", &["[ALL]", "[KILL, ALL]"]),
    ("cgroup_parent", &["m-x", "n"]),
    ("command", &["sh -c 'echo \"a b\"'", "[sh, -c, 'echo $$HOME']", "''"]),
    ("container_name", &["one", "other"]),
    ("cpu_shares", &["73", "'74'"]),
    ("cpus", &["0.5", "'1.5'"]),
    ("cpuset", &["0,1", "'0'"]),
    ("device_cgroup_rules", &["['c 226:* rmw']", "['c 13:* rmw', 'c 226:* rmw']"]),
    ("devices", &["[/dev/a, '/dev/b:/dev/c:r']", "['/dev/x:/dev/a', /dev/y]"]),
    ("dns", &["8.8.8.8", "[1.1.1.1, 9.9.9.9]"]),
    ("dns_search", &["example.com", "[a.example, b.example]"]),
    ("domainname", &["d.example"]),
    ("entrypoint", &["/run.sh a", "[/run.sh, 'a b']"]),
    ("env_file", &["one.env", "[one.env, two.env]"]),
    ("environment", &["[A=1, B=two words, C]", "{A: 3, D: 'true', E: ''}", "{N: 1.5, A: x=y}"]),
    ("expose", &["[80]", "['8000', 90]"]),
    ("extra_hosts", &["['h:1.2.3.4']", "{k: 10.0.0.1}"]),
    (
        "healthcheck",
        &[
            "{test: curl x, interval: 1m30s}",
            "{test: [CMD, a, b], retries: 3, timeout: 5s}",
            "{disable: true}",
        ],
    ),
    ("hostname", &["host1", "host2"]),
    ("init", &["true"]),
    ("ipc", &["host", "private"]),
    ("labels", &["[a=b, c]", "{a: d, e: ''}"]),
    (
        "logging",
        &["{driver: json-file, options: {max-size: 1m}}", "{driver: journald}", "{options: {max-file: '2'}}"],
    ),
    ("mac_address", &["'02:42:ac:11:65:43'"]),
    ("mem_limit", &["64m", "1g"]),
    ("memswap_limit", &["2g"]),
    ("networks", &["[front]", "{front: {aliases: [x]}, back: }", "{back: {ipv4_address: 10.5.0.7}}"]),
    ("oom_kill_disable", &["true"]),
    ("oom_score_adj", &["100", "-5"]),
    ("pid", &["host"]),
    ("platform", &["linux/arm64"]),
    (
        "ports",
        &[
            "['8080:80', '9000-9001:90-91']",
            "[{target: 80, published: 8081, protocol: udp}]",
            "['127.0.0.1:5000:5000/udp', 7000]",
        ],
    ),
    ("privileged", &["true", "false"]),
    ("read_only", &["true"]),
    ("restart", &["always", "on-failure:3", "'no'"]),
    ("security_opt", &["[seccomp:unconfined]", "[label:disable, seccomp:unconfined]"]),
    ("shm_size", &["256mb", "1g"]),
    ("stdin_open", &["true"]),
    ("stop_grace_period", &["1m30s", "20s"]),
    ("stop_signal", &["SIGUSR1"]),
    ("sysctls", &["{net.core.somaxconn: 1024}", "[net.ipv4.tcp_syncookies=0]"]),
    ("tmpfs", &["/run", "[/tmp, '/var:size=64m']"]),
    ("tty", &["true"]),
    ("ulimits", &["{nproc: 65535}", "{nofile: {soft: 20000, hard: 40000}}"]),
    ("user", &["'1000'", "root"]),
    ("userns_mode", &["host"]),
    (
        "volumes",
        &[
            "['./data:/data', '/dev:/dev:ro']",
            "['vol:/data', /anon]",
            "[{type: bind, source: ../up, target: /dev, read_only: true}]",
        ],
    ),
    ("working_dir", &["/w"]),
];

const SHARED: &str = "networks: {front: , back: {driver: bridge, ipam: {config: [{subnet: 10.5.0.0/24}]}}}\nvolumes: {vol: {}}\n";

/// What two services of a project cannot have both.
const OWN: &[&str] = &["container_name", "ports"];

/// Some properties of a service, without those of `without`.
fn service(random: &mut Random, most: usize, without: &[&str]) -> String {
    let mut chosen: BTreeMap<&str, &str> = BTreeMap::new();
    for _ in 0..random.below(most) + 1 {
        let (name, values) = PROPERTIES[random.below(PROPERTIES.len())];
        if !without.contains(&name) {
            chosen.insert(name, random.pick(values));
        }
    }
    chosen.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect()
}

/// Where the two programs follow other rules: a property, how many services of the generated projects show it,
/// and why.
const DIVERGENCES: &[(&str, usize, &str)] = &[
    ("build", 34, "an argument without a value that no variable has is empty for 1.29.2; for us it has none"),
    ("dns", 1, "1.29.2 appends what is there already"),
    ("dns_search", 2, "1.29.2 appends what is there already"),
    ("tmpfs", 1, "1.29.2 appends what is there already"),
];

#[test]
fn generated_projects_equal_docker_compose() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("project");
    for name in ["project/dir", "x"] {
        fs::create_dir_all(root.path().join(name)).unwrap();
    }
    fs::write(directory.join("one.env"), "ONE=1\nA=from file\n# comment\nQ=\"quoted\"\n").unwrap();
    fs::write(directory.join("two.env"), "TWO=2\nONE=two\n").unwrap();
    let environment: Environment = [("C", "inherited")].into_iter().collect();
    let mut random = Random(0xc0_4405e);
    let mut python = Python::start();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let (mut equal, mut refused) = (0, 0);
    for round in 0..600 {
        let first = service(&mut random, 9, if round % 3 == 2 { OWN } else { &[] });
        let second = service(&mut random, 4, OWN);
        let base = format!("services:\n  a:\n    image: x:1\n{first}  b:\n    image: y\n{second}{SHARED}");
        fs::write(directory.join("base.yml"), &base).unwrap();
        let over = match round % 3 {
            0 => None,
            1 => Some(format!("services:\n  a:\n{}", service(&mut random, 9, &[]))),
            _ => Some(format!(
                "services:\n  c:\n    extends: {{file: base.yml, service: a}}\n{}",
                service(&mut random, 5, &[])
            )),
        };
        if let Some(over) = &over {
            fs::write(directory.join("over.yml"), over).unwrap();
        }
        let files = if over.is_some() { &["base.yml", "over.yml"][..] } else { &["base.yml"] };
        match compare(&mut python, &directory, files, &environment) {
            Outcome::Equal => equal += 1,
            // A check that is switched off over one with a command.
            Outcome::BothRefuse => refused += 1,
            Outcome::Different(differences) => {
                for difference in differences {
                    let path = difference.split(':').next().unwrap();
                    let property = path.split('/').nth(3).unwrap_or(path).to_owned();
                    if !DIVERGENCES.iter().any(|(known, ..)| *known == property)
                        && !found.contains_key(&property)
                    {
                        println!("{difference}\n{base}{}", over.as_deref().unwrap_or_default());
                    }
                    *found.entry(property).or_default() += 1;
                }
            }
            other => {
                println!("{other:?}\n{base}{}", over.as_deref().unwrap_or_default());
                *found.entry(format!("{other:?}").chars().take(60).collect()).or_default() += 1;
            }
        }
    }
    let known: BTreeMap<String, usize> =
        DIVERGENCES.iter().map(|(property, count, _)| ((*property).to_owned(), *count)).collect();
    assert_eq!(found, known);
    assert!(equal >= 550, "{equal}");
    assert_eq!(refused, 2);
}
