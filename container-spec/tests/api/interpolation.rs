//! Variables: the cases of compose-go's `template_test.go` and `dotenv`, re-stated as data.

use container_spec::compose::{Environment, ErrorKind, Position, limits, substitute};

const AT: Position = Position { file: 0, line: 3, column: 5 };

fn environment() -> Environment {
    [("FOO", "first"), ("BAR", ""), ("json", "{\"a\":1}"), ("_under1", "u")].into_iter().collect()
}

#[test]
fn substitutes_in_all_eight_forms() {
    for (template, value) in [
        ("ok", "ok"),
        ("$FOO", "first"),
        ("${FOO}", "first"),
        ("x${FOO}y$BAR", "xfirsty"),
        ("$$FOO $${FOO} $$$FOO", "$FOO ${FOO} $first"),
        ("$_under1-x", "u-x"),
        ("ok ${missing:-def}", "ok def"),
        ("ok ${missing-def}", "ok def"),
        ("ok ${BAR:-def}", "ok def"),
        ("ok ${BAR-def}", "ok "),
        ("ok ${FOO:-def}", "ok first"),
        ("ok ${FOO:+def}", "ok def"),
        ("ok ${FOO+def}", "ok def"),
        ("ok ${BAR:+def}", "ok "),
        ("ok ${BAR+def}", "ok def"),
        ("ok ${missing+def}${missing:+def}", "ok "),
        ("ok ${FOO:?err}${FOO?err}${BAR?err}", "ok firstfirst"),
        ("ok ${missing:-${FOO:-x}}", "ok first"),
        ("ok ${missing:-${other:-${BAR:-deep}}}", "ok deep"),
        ("ok ${missing:-a ${FOO} b ${FOO}}", "ok a first b first"),
        ("ok ${FOO:+${BAR:-${missing:-x}}}", "ok x"),
        ("${missing:-/non:-alphanumeric}", "/non:-alphanumeric"),
        ("${missing-?}${missing:-?-}", "??-"),
        ("${missing:--1}", "-1"),
        ("${json}}", "{\"a\":1}}"),
        ("${missing:-{\"b\":2}}", "{\"b\":2}"),
        ("a}b", "a}b"),
        ("${missing:-$$FOO}", "$FOO"),
        ("ünïcödé ${FOO}", "ünïcödé first"),
        ("", ""),
    ] {
        let mut unset = Vec::new();
        assert_eq!(substitute(template, &environment(), AT, &mut unset).as_deref(), Ok(value), "{template}");
        assert_eq!(unset, [], "{template}");
    }
}

#[test]
fn reports_variables_that_are_not_set_but_only_where_they_are_used() {
    for (template, names) in [
        ("$missing", &["missing"][..]),
        ("${one}${two}", &["one", "two"]),
        ("${missing:-$other}", &["other"]),
        ("${FOO:-$unused}", &[]),
        ("${missing+$unused}", &[]),
    ] {
        let mut unset = Vec::new();
        substitute(template, &environment(), AT, &mut unset).unwrap();
        let found: Vec<&str> = unset.iter().map(|unset| unset.name.as_str()).collect();
        assert_eq!(found, names, "{template}");
        assert!(unset.iter().all(|unset| unset.at == AT));
    }
}

#[test]
fn refuses_templates_that_are_not_valid() {
    for template in [
        "${",
        "$}",
        "${}",
        "${ }",
        "${ foo}",
        "${foo }",
        "${foo!}",
        "$ foo",
        "$",
        "a$",
        "$1",
        "${1}",
        "${foo:}",
        "${foo:-",
        "${foo:-${bar}",
        "${FOO:-${!}}",
        "${foo:x}",
        "${föö}",
    ] {
        let error = substitute(template, &environment(), AT, &mut Vec::new()).unwrap_err();
        assert_eq!(
            (error.at, error.kind, error.subject.as_str()),
            (AT, ErrorKind::BadSubstitution, template)
        );
    }
}

#[test]
fn a_required_variable_that_is_missing_is_an_error_with_its_message() {
    for (template, message) in [
        ("${missing:?not here}", "missing: not here"),
        ("${missing?}", "missing: "),
        ("${BAR:?empty ${FOO}}", "BAR: empty first"),
        ("${other:-${missing?inner}}", "missing: inner"),
    ] {
        let error = substitute(template, &environment(), AT, &mut Vec::new()).unwrap_err();
        assert_eq!(
            (error.kind, error.subject.as_str()),
            (ErrorKind::RequiredVariable, message),
            "{template}"
        );
    }
}

#[test]
fn variables_expand_to_a_bounded_length() {
    let mut environment = Environment::new();
    environment.set("A", "x".repeat(limits::MAX_INTERPOLATED_BYTES / 2));
    let long = substitute("$A$A", &environment, AT, &mut Vec::new()).unwrap();
    assert_eq!(long.len(), limits::MAX_INTERPOLATED_BYTES);
    let error = substitute("$A${A}y", &environment, AT, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InterpolationTooLarge);
}

#[test]
fn reads_environment_files() {
    let text = "\u{feff}# comment\nA=1\nexport B = two words # comment\nC='sin$gle # q'\nD=\"dou\\nble $A\" # c\n\
                E: yaml\nF=\nG=x#y\nH=\"a\nb\"\r\nI=${A:-z}-$A\nFOO\nnowhere\n  J=\"\\$A\"\n\nA=again";
    let mut environment = environment();
    environment.read_file(text, 1).unwrap();
    for (name, value) in [
        ("A", "1"),
        ("B", "two words"),
        ("C", "sin$gle # q"),
        ("D", "dou\nble 1"),
        ("E", "yaml"),
        ("F", ""),
        ("G", "x#y"),
        ("H", "a\nb"),
        ("I", "1-1"),
        ("J", "$A"),
        ("FOO", "first"),
    ] {
        assert_eq!(environment.get(name), Some(value), "{name}");
    }
    assert_eq!(environment.get("nowhere"), None);
}

#[test]
fn a_bad_line_of_an_environment_file_is_reported_with_its_number() {
    for (text, line, column) in [
        ("A=1\n=2\n", 2, 1),
        ("A=\"x\ny\"\n\n  1A=2", 4, 3),
        ("A='x", 1, 3),
        ("ä=1", 1, 1),
        ("A=ä\n A B=1", 2, 4),
        ("A='ä'\nB = \"x\" y", 2, 5),
    ] {
        let error = Environment::new().read_file(text, 7).unwrap_err();
        let at = Position { file: 7, line, column };
        assert_eq!((error.at, error.kind), (at, ErrorKind::BadEnvironmentLine), "{text:?}");
    }
}

#[test]
fn a_broken_substitution_in_an_environment_file_is_reported_at_its_value() {
    let error = Environment::new().read_file("A=1\nexport B = ${\n", 7).unwrap_err();
    assert_eq!(
        (error.at, error.kind),
        (Position { file: 7, line: 2, column: 12 }, ErrorKind::BadSubstitution)
    );
}
