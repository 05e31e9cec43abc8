//! What one file takes from others: `extends` and `include`.

use std::collections::BTreeMap;

use container_spec::compose::{Environment, Error, ErrorKind, Loader, Project, Source, limits};

/// Loads the first of these files; the others can be read.
fn load(files: &[(&str, &str)]) -> Result<Project, Error> {
    let (path, text) = files[0];
    let others: BTreeMap<String, String> =
        files[1..].iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let environment: Environment = [("A", "project")].into_iter().collect();
    Loader::new(&environment, others).load(&[Source { path, text }])
}

fn refused(files: &[(&str, &str)]) -> (u16, String, ErrorKind, String) {
    let error = load(files).unwrap_err();
    (error.at.file, error.at.to_string(), error.kind, error.subject.to_string())
}

#[test]
fn a_service_extends_one_of_the_same_file() {
    let text = "services:\n  c: {extends: b, tty: true, environment: {B: c}}\n  b: {extends: {service: a}, environment: [B=b], command: y}\n  a: {image: x, environment: {A: a, B: a}, command: x, ports: ['1:1']}\n";
    let text = text.replace("ports: ['1:1']", "expose: [1]");
    let project = load(&[("/app/a.yml", &text)]).unwrap();
    let c = &project.services["c"];
    let environment: Vec<_> =
        c.environment.iter().map(|(n, v)| (n.as_str(), v.as_deref().unwrap())).collect();
    assert_eq!(environment, [("A", "a"), ("B", "c")]);
    assert_eq!((&*c.command.as_ref().unwrap().0, c.tty), (&["y".to_owned()][..], Some(true)));
    assert_eq!(c.image.as_ref().unwrap().as_str(), "x");
    assert_eq!(*project.services["b"].expose, ["1"]);
    assert_eq!(project.services["b"].tty, None);
    assert!(c.extends.is_none());
}

#[test]
fn a_service_extends_one_of_another_file_whose_paths_start_there() {
    let files = [
        (
            "/app/a.yml",
            "services:\n  a:\n    extends: {file: ../base/b.yml, service: b}\n    volumes: ['./own:/own']\n",
        ),
        ("/base/b.yml", "services:\n  b: {extends: {file: deep/c.yml, service: c}, user: $A}\n  broken: 7\n"),
        ("/base/deep/c.yml", "services:\n  c: {image: x, volumes: ['./data:/data'], env_file: []}\n"),
    ];
    let project = load(&files).unwrap();
    let a = &project.services["a"];
    let mounts: Vec<_> = a.volumes.iter().map(|mount| mount.0.source.as_deref().unwrap()).collect();
    assert_eq!(mounts, ["/base/deep/data", "/app/own"]);
    assert_eq!(a.user.as_deref(), Some("project"));
    // Only what is extended comes along.
    assert_eq!(project.services.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_is_reset_by_a_service_is_gone_from_the_one_it_extends() {
    let text = "services:\n  b: {extends: a, environment: !reset {}, cap_add: !override [B]}\n  a: {image: x, environment: {A: a}, cap_add: [A]}\n";
    let project = load(&[("/app/a.yml", text)]).unwrap();
    let b = &project.services["b"];
    assert!(b.environment.is_empty());
    assert_eq!(*b.cap_add, ["B"]);
    assert_eq!(*project.services["a"].cap_add, ["A"]);
}

#[test]
fn extends_is_refused_with_its_place_where_it_leads_nowhere() {
    let one = |extends: &str| {
        refused(&[("/app/a.yml", &format!("services:\n  a:\n    image: x\n    extends: {extends}\n"))])
    };
    let at = |column: u32| format!("4:{column}");
    assert_eq!(one("b"), (0, at(14), ErrorKind::Undefined("service"), "b".into()));
    assert_eq!(one("{file: n.yml, service: b}"), (0, at(14), ErrorKind::NoFile, "/app/n.yml".into()));
    assert_eq!(one("{file: n.yml}"), (0, at(14), ErrorKind::Missing("service"), "service".into()));
    assert_eq!(one("{servce: n}"), (0, at(15), ErrorKind::UnknownProperty, "servce".into()));
    assert_eq!(one("a"), (0, at(14), ErrorKind::ExtendsCycle, "a -> a".into()));
}

#[test]
fn cycles_of_extends_are_refused_with_the_chain() {
    let files = [
        ("/app/a.yml", "services:\n  z: {extends: a}\n  a: {extends: {file: b.yml, service: b}}\n"),
        ("/app/b.yml", "services:\n  b: {extends: c}\n  c: {extends: {file: a.yml, service: a}}\n"),
    ];
    assert_eq!(refused(&files), (1, "3:16".into(), ErrorKind::ExtendsCycle, "a -> b -> c -> a".into()));
}

#[test]
fn a_chain_of_extends_has_a_bounded_length() {
    let chain = |steps: usize| {
        let services: String = (0..steps).map(|n| format!("  s{n}: {{extends: s{}}}\n", n + 1)).collect();
        let text = format!("services:\n{services}  s{steps}: {{image: x}}\n");
        load(&[("/app/a.yml", &text)]).map(|project| project.services.len())
    };
    assert_eq!(chain(limits::MAX_EXTENDS), Ok(limits::MAX_EXTENDS + 1));
    assert_eq!(chain(limits::MAX_EXTENDS + 1).unwrap_err().kind, ErrorKind::ExtendsTooDeep);
}

#[test]
fn services_copy_a_bounded_number_of_bytes_by_extends() {
    // A value counts its text and 8 bytes; the service has a mapping, four scalars, and the long text.
    let text = |copies: usize, more: usize| {
        let each = limits::MAX_EXTENDED_BYTES / 4 - (8 + 4 * 8 + "imagexhostname".len());
        let long = "h".repeat(each + more);
        let services: String = (0..copies).map(|n| format!("  s{n}: {{extends: a}}\n")).collect();
        format!("services:\n  a: {{image: x, hostname: {long}}}\n{services}")
    };
    let kind = |text: &str| load(&[("/app/a.yml", text)]).map(|_| ()).map_err(|error| error.kind);
    assert_eq!(kind(&text(4, 0)), Ok(()));
    assert_eq!(kind(&text(4, 1)), Err(ErrorKind::ExtendsTooLarge));
}

#[test]
fn what_is_included_is_a_project_of_its_own() {
    let files = [
        (
            "/app/a.yml",
            "include:\n- ../one/one.yml\n- path: [two/two.yml, two/over.yml]\n  project_directory: two/home\n  env_file: [two/first.env, two/second.env]\nservices:\n  a: {image: x, depends_on: [one, two], volumes: ['./a:/a']}\n",
        ),
        (
            "/one/one.yml",
            "services:\n  one: {image: x, volumes: ['./a:/a'], user: \"$A-$B\", networks: [n]}\nnetworks: {n: }\n",
        ),
        ("/one/.env", "A=theirs\nB=one\n"),
        (
            "/app/two/two.yml",
            "services:\n  two: {image: x, volumes: ['./a:/a'], user: \"$A-$B-$C\"}\nvolumes: {v: {}}\n",
        ),
        ("/app/two/over.yml", "services:\n  two: {tty: true, volumes: ['./b:/b']}\n"),
        ("/app/two/first.env", "A=theirs\nB=first\nC=first\n"),
        ("/app/two/second.env", "B=second\n"),
    ];
    let project = load(&files).unwrap();
    let mounts = |service: &str| {
        let sources = project.services[service].volumes.iter().map(|mount| mount.0.source.clone().unwrap());
        sources.collect::<Vec<_>>()
    };
    assert_eq!(mounts("a"), ["/app/a"]);
    assert_eq!(mounts("one"), ["/one/a"]);
    assert_eq!(mounts("two"), ["/app/two/home/a", "/app/two/home/b"]);
    let user = |service: &str| project.services[service].user.clone().unwrap();
    assert_eq!((user("one"), user("two")), ("project-one".to_owned(), "project-second-first".to_owned()));
    assert_eq!(project.services["two"].tty, Some(true));
    assert_eq!(project.networks.keys().collect::<Vec<_>>(), ["default", "n"]);
    assert_eq!(project.volumes.keys().collect::<Vec<_>>(), ["v"]);
    assert_eq!(project.start_order().unwrap(), ["one", "two", "a"]);
}

#[test]
fn names_that_are_defined_twice_must_be_the_same() {
    let conflict = |text: &str, other: &str| {
        load(&[("/app/a.yml", text), ("/app/b.yml", other)]).map(|project| project.services.len())
    };
    let text = "include: [b.yml]\nservices:\n  a: {image: x, volumes: ['./v:/v']}\n";
    assert_eq!(conflict(text, "services:\n  a: {image: x, volumes: ['./v:/v']}\n"), Ok(1));
    let error = conflict(text, "services:\n  a: {image: y, volumes: ['./v:/v']}\n").unwrap_err();
    assert_eq!(
        (error.at.file, error.at.to_string(), error.kind),
        (0, "3:3".into(), ErrorKind::Taken("file"))
    );
    // The same relative path of another directory is another path.
    let files = [
        ("/app/a.yml", "include: [c/b.yml]\nservices:\n  a: {image: x, volumes: ['./v:/v']}\n"),
        ("/app/c/b.yml", "services:\n  a: {image: x, volumes: ['./v:/v']}\n"),
    ];
    assert_eq!(load(&files).unwrap_err().kind, ErrorKind::Taken("file"));
}

#[test]
fn include_is_refused_with_its_place_where_it_leads_nowhere() {
    let one = |include: &str| {
        refused(&[("/app/a.yml", &format!("include: {include}\nservices: {{a: {{image: x}}}}\n"))])
    };
    let at = |column: u32| format!("1:{column}");
    assert_eq!(one("[n.yml]"), (0, at(11), ErrorKind::NoFile, "/app/n.yml".into()));
    assert_eq!(one("[{path: n.yml}]").3, "/app/n.yml");
    assert_eq!(one("[{env_file: n.env}]"), (0, at(11), ErrorKind::Missing("path"), "include".into()));
    assert_eq!(one("[{paths: n.yml}]"), (0, at(12), ErrorKind::UnknownProperty, "paths".into()));
    let (file, at, kind, _) = one("n.yml");
    assert_eq!(
        (file, at.as_str(), kind),
        (0, "1:10", ErrorKind::Type(container_spec::compose::Expected::List))
    );
    let env = refused(&[
        ("/app/a.yml", "include: [{path: b.yml, env_file: n.env}]\nservices: {}\n"),
        ("/app/b.yml", "services: {}\n"),
    ]);
    assert_eq!(env, (0, "1:35".into(), ErrorKind::NoFile, "/app/n.env".into()));
}

#[test]
fn cycles_of_includes_are_refused_with_the_chain() {
    let files = [
        ("/app/a.yml", "include: [b/b.yml]\nservices: {}\n"),
        ("/app/b/b.yml", "include:\n- ../c.yml\nservices: {}\n"),
        ("/app/c.yml", "include: [./b/../a.yml]\nservices: {}\n"),
    ];
    let chain = "a.yml -> b.yml -> c.yml -> a.yml";
    assert_eq!(refused(&files), (2, "1:11".into(), ErrorKind::IncludeCycle, chain.into()));
}

#[test]
fn includes_and_extended_files_count_as_files_of_the_project() {
    let files = |count: usize| {
        let items: Vec<String> = (0..count).map(|n| format!("{n}.yml")).collect();
        let main = format!(
            "include: [{}]\nservices: {{a: {{extends: {{file: e.yml, service: e}}}}}}\n",
            items.join(", ")
        );
        let mut files: BTreeMap<String, String> = (0..count)
            .map(|n| (format!("/app/{n}.yml"), format!("services: {{s{n}: {{image: x}}}}\n")))
            .collect();
        files.insert("/app/e.yml".into(), "services: {e: {image: x}}\n".into());
        let environment = Environment::new();
        let mut loader = Loader::new(&environment, files);
        loader.load(&[Source { path: "/app/a.yml", text: &main }]).map(|project| project.services.len())
    };
    assert_eq!(files(limits::MAX_FILES - 2), Ok(limits::MAX_FILES - 1));
    let error = files(limits::MAX_FILES - 1).unwrap_err();
    assert_eq!((error.kind, error.subject.as_str()), (ErrorKind::TooManyFiles, "62.yml"));
}

#[test]
fn a_text_alone_cannot_name_other_files() {
    let load = |text: &str| container_spec::compose::load(text, &Environment::new()).unwrap_err();
    let error = load("include: [b.yml]\nservices: {a: {image: x}}\n");
    assert_eq!((error.at.to_string().as_str(), error.kind), ("1:11", ErrorKind::NoFile));
    let error = load("services: {a: {extends: {file: b.yml, service: b}}}\n");
    assert_eq!((error.at.to_string().as_str(), error.kind), ("1:25", ErrorKind::NoFile));
}

#[test]
fn files_of_variables_lie_below_the_environment_of_a_service() {
    let files = [
        (
            "/app/a.yml",
            "services:\n  a:\n    image: x\n    env_file: [one.env, {path: two.env}, {path: none.env, required: false}, {path: raw.env, format: raw}]\n    label_file: labels\n    labels: {own: l}\n    environment: {OWN: own, A: , GONE: }\n  b: {image: x, env_file: one.env}\n  c: {image: x, extends: {file: sub/c.yml, service: c}}\n",
        ),
        ("/app/one.env", "ONE=1\nBOTH=one\nOWN=file\nUSES=${A}-${ONE}\n"),
        ("/app/two.env", "BOTH=two\nNEXT=$ONE\n"),
        ("/app/raw.env", "# no quotes\nRAW='$ONE'\n"),
        ("/app/labels", "own=file\ntheirs=t\n"),
        ("/app/sub/c.yml", "services: {c: {env_file: c.env}}\n"),
        ("/app/sub/c.env", "C=sub\n"),
    ];
    let project = load(&files).unwrap();
    let environment = |service: &str| {
        let service = &project.services[service];
        assert!(service.env_file.is_empty() && service.label_file.is_empty());
        let pairs = service.environment.iter();
        pairs
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("(nothing)")))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        environment("a"),
        [
            "A=project",
            "BOTH=two",
            "GONE=(nothing)",
            "NEXT=1",
            "ONE=1",
            "OWN=own",
            "RAW='$ONE'",
            "USES=project-1"
        ]
    );
    assert_eq!(environment("b"), ["BOTH=one", "ONE=1", "OWN=file", "USES=project-1"]);
    assert_eq!(environment("c"), ["C=sub"]);
    let labels: Vec<_> =
        project.services["a"].labels.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
    assert_eq!(labels, [("own", Some("l")), ("theirs", Some("t"))]);
}

#[test]
fn files_of_variables_that_cannot_be_used_are_refused_with_their_place() {
    let one = |env_file: &str, text: &str| {
        let text = text.to_owned();
        refused(&[
            ("/app/a.yml", &format!("services:\n  a:\n    image: x\n    env_file: {env_file}\n")),
            ("/app/e.env", &text),
        ])
    };
    let at = |column: u32| format!("4:{column}");
    assert_eq!(one("[e.env, n.env]", ""), (0, at(23), ErrorKind::NoFile, "/app/n.env".into()));
    assert_eq!(one("[{path: n.env}]", ""), (0, at(23), ErrorKind::NoFile, "/app/n.env".into()));
    assert_eq!(one("[{path: e.env, format: x}]", "").2, ErrorKind::Value("raw, or left out"));
    assert_eq!(one("e.env", "A=1\nB=${\n"), (1, "2:3".into(), ErrorKind::BadSubstitution, "${".into()));
    assert_eq!(one("e.env", "A=1\n  ?\n"), (1, "2:3".into(), ErrorKind::BadEnvironmentLine, "?".into()));
    // A text that stands alone names them still.
    let alone = container_spec::compose::load("services: {a: {image: x, env_file: e}}", &Environment::new());
    assert_eq!(alone.unwrap().services["a"].env_file[0].path, "e");
}

#[test]
fn files_of_variables_have_a_bounded_length_for_all_services() {
    let load = |bytes: usize| {
        let text = "services: {a: {image: x, env_file: e}, b: {image: x, env_file: e}}";
        let comment = format!("#{}", "x".repeat(bytes - 1));
        load(&[("/app/a.yml", text), ("/app/e", &comment)]).map(|_| ()).map_err(|error| error.kind)
    };
    assert_eq!(load(limits::MAX_VARIABLE_BYTES / 2), Ok(()));
    assert_eq!(load(limits::MAX_VARIABLE_BYTES / 2 + 1), Err(ErrorKind::VariablesTooLarge));
}

#[test]
fn a_service_is_part_of_the_project_if_one_of_its_profiles_is_active() {
    let text = "services:\n  a: {image: x}\n  b: {image: x, profiles: [debug, test], ports: ['1:1']}\n  c: {image: x, profiles: [other], ports: ['1:2']}\n";
    let services = |profiles: &[&str], variable: Option<&str>| {
        let environment: Environment =
            variable.map(|value| ("COMPOSE_PROFILES", value)).into_iter().collect();
        let mut loader = Loader::new(&environment, BTreeMap::new());
        for profile in profiles {
            loader = loader.profile(profile);
        }
        let project = loader.load(&[Source { path: "/app/a.yml", text }]);
        project.map(|project| project.services.keys().cloned().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(services(&[], None).unwrap(), "a");
    assert_eq!(services(&["test"], None).unwrap(), "a b");
    assert_eq!(services(&[], Some("x,debug")).unwrap(), "a b");
    // Together they would want the same port.
    assert_eq!(services(&["*"], None).unwrap_err().kind, ErrorKind::Taken("service"));
    assert_eq!(services(&["test"], Some("other")).unwrap_err().kind, ErrorKind::Taken("service"));
}

#[test]
fn a_service_cannot_depend_on_one_that_is_not_active() {
    let text = "services:\n  a:\n    image: x\n    depends_on: [b]\n  b: {image: x, profiles: [p]}\n  c: {image: x, depends_on: {b: {condition: service_started, required: false}}}\n";
    assert_eq!(refused(&[("/app/a.yml", text)]), (0, "4:17".into(), ErrorKind::Inactive, "b".into()));
    let shares = text.replace("depends_on: [b]", "cgroup: service:b");
    let error = load(&[("/app/a.yml", &shares)]).unwrap_err();
    assert_eq!((error.kind, error.subject.as_str()), (ErrorKind::Inactive, "b"));
    let nobody = text.replace("depends_on: [b]", "cgroup: service:z");
    let found = refused(&[("/app/a.yml", &nobody)]);
    assert_eq!(found, (0, "4:13".into(), ErrorKind::Undefined("service"), "z".into()));
}

#[test]
fn a_project_is_named_by_the_caller_a_variable_a_file_or_its_directory() {
    let name = |given: Option<&str>, variable: Option<&str>, top: &str, directory: &str| {
        let environment: Environment =
            variable.map(|value| ("COMPOSE_PROJECT_NAME", value)).into_iter().collect();
        let text = format!("{top}services: {{a: {{image: x, user: $COMPOSE_PROJECT_NAME}}}}\n");
        let path = format!("{directory}/compose.yml");
        let mut loader = Loader::new(&environment, BTreeMap::new());
        if let Some(given) = given {
            loader = loader.name(given);
        }
        let project = loader.load(&[Source { path: &path, text: &text }]).map_err(|error| error.kind)?;
        assert_eq!(project.services["a"].user, project.name);
        assert_eq!(
            project.networks["default"].name,
            project.name.as_ref().map(|name| format!("{name}_default"))
        );
        Ok(project.name.unwrap())
    };
    let form = ErrorKind::Value("small letters, digits, `_` and `-`, not starting with `_` or `-`");
    for (given, variable, top, directory, expected) in [
        (Some("given"), Some("var"), "name: top\n", "/srv/app", Ok("given")),
        (None, Some("var"), "name: top\n", "/srv/app", Ok("var")),
        (None, None, "name: top-$X\n", "/srv/app", Ok("top-")),
        (None, None, "", "/srv/app", Ok("app")),
        (None, None, "", "/srv/_My App.2", Ok("myapp2")),
        (Some("Given"), None, "", "/srv/app", Err(form)),
        (None, Some("-x"), "", "/srv/app", Err(form)),
        (None, None, "name: Top\n", "/srv/app", Err(form)),
    ] {
        let found = name(given, variable, top, directory);
        assert_eq!(found.as_deref(), expected.as_ref().map(|name| &**name), "{top} {directory}");
    }
}

#[test]
fn what_a_project_makes_is_named_after_it() {
    let text = "services:\n  a: {image: x}\nnetworks:\n  n: {}\n  own: {name: n2}\n  ext: {external: true}\n  old: {external: {name: n3}}\nvolumes: {v: , e: {external: true, name: e2}, b: {driver_opts: {type: none, o: bind, device: ./d}}}\nsecrets: {s: {file: ./s}}\nconfigs: {c: {file: ../c}}\n";
    let project = load(&[("/srv/app/a.yml", text)]).unwrap();
    let networks: Vec<_> =
        project.networks.iter().map(|(k, n)| (k.as_str(), n.name.as_deref().unwrap())).collect();
    assert_eq!(
        networks,
        [("default", "app_default"), ("ext", "ext"), ("n", "app_n"), ("old", "n3"), ("own", "n2")]
    );
    let volumes: Vec<_> =
        project.volumes.iter().map(|(k, n)| (k.as_str(), n.name.as_deref().unwrap())).collect();
    assert_eq!(volumes, [("b", "app_b"), ("e", "e2"), ("v", "app_v")]);
    assert_eq!(project.volumes["b"].driver_opts["device"], "/srv/app/d");
    let secret = &project.secrets["s"];
    assert_eq!((secret.name.as_deref(), secret.file.as_deref()), (Some("app_s"), Some("/srv/app/s")));
    let config = &project.configs["c"];
    assert_eq!((config.name.as_deref(), config.file.as_deref()), (Some("app_c"), Some("/srv/c")));
}

#[test]
fn relative_paths_start_from_the_directory_of_the_project() {
    let text = "services:\n  a:\n    image: x\n    build: {context: ./b}\n    volumes: ['./x/../y/:/t//u/', '/abs/.:/v', {type: bind, source: ../z, target: /w}, '~/h:/h', 'vol:/n']\nvolumes: {vol: }\n";
    let environment = Environment::new();
    let mut loader = Loader::new(&environment, BTreeMap::new()).directory("/dev/../srv/./app/");
    let project = loader.load(&[Source { path: "/other/a.yml", text }]).unwrap();
    let mounts: Vec<_> = project.services["a"]
        .volumes
        .iter()
        .map(|mount| format!("{} {}", mount.0.source.as_deref().unwrap(), mount.0.target))
        .collect();
    assert_eq!(mounts, ["/srv/app/y /t/u", "/abs /v", "/srv/z /w", "~/h /h", "vol /n"]);
    let build = project.services["a"].build.as_ref().unwrap();
    assert_eq!(build.0.context.as_deref(), Some("/srv/app/b"));
}
