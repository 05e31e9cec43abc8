//! Checkouts beside those of the real tool.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use ostree_objects::repo::{CheckoutOptions, Links, Ownership, Repo, RepoError, Union};
use ostree_objects::{Checksum, RepoMode};

use crate::repository::{commit_by_ostree, mode_of, options, ostree, own, stored, tempfile};
use crate::tree;

/// A repository of the tool's with a commit of such a tree, in a directory of its own.
struct Case {
    directory: std::path::PathBuf,
    repo: Repo,
    commit: Checksum,
}

impl Case {
    fn new(seed: u64, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile();
        let (source, path) = (directory.join("tree"), directory.join("repo"));
        tree::make(&source, seed);
        prepare(&source);
        fs::create_dir(&path).unwrap();
        ostree(&path, &["init", &format!("--mode={}", mode_of(seed).1)]);
        let commit = commit_by_ostree(&path, &source);
        Self { directory, repo: Repo::open(&path).unwrap(), commit }
    }

    fn ours(&self, options: CheckoutOptions<'_>) -> Result<(), RepoError> {
        self.repo.checkout(&self.commit, &File::open(&self.directory).unwrap(), "ours", options)
    }

    /// The tool's checkout; whether it says that it went well.
    fn theirs(&self, arguments: &[&str]) -> bool {
        let mut command = testkit::tools::tool("ostree");
        command.args(["checkout", "--disable-cache", "--repo"]).arg(self.directory.join("repo"));
        command.args(arguments).arg(self.commit.to_hex().as_str()).arg(self.directory.join("theirs"));
        command.output().unwrap().status.success()
    }

    fn assert_same(&self, what: &str) {
        let (ours, theirs) = (self.directory.join("ours"), self.directory.join("theirs"));
        // A link to a bare-user object has its attribute; a file that was there and is the same stays one without,
        // with the tool, and becomes a link with us.
        let [ours, theirs] = [ours, theirs].map(|root| {
            let mut all = stored(&root);
            for (_, _, attributes, _) in all.values_mut() {
                if attributes.starts_with(b"user.ostreemeta") {
                    attributes.clear();
                }
            }
            all
        });
        assert_eq!(ours, theirs, "{what} in {}", self.directory.display());
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.directory).unwrap();
        }
    }
}

#[test]
fn owners_modes_and_attributes_are_as_committed() {
    for seed in 300..312 {
        let case = Case::new(seed, own);
        for copy in [false, true] {
            let links = if copy { Links::Never } else { Links::Allowed };
            case.ours(CheckoutOptions { links, ownership: Ownership::Committed, ..Default::default() })
                .unwrap();
            assert!(case.theirs(if copy { &["--force-copy"] } else { &[] }));
            case.assert_same(&format!("seed {seed}, copy {copy}"));
            for name in ["ours", "theirs"] {
                fs::remove_dir_all(case.directory.join(name)).unwrap();
            }
        }
    }
}

#[test]
fn links_are_required_where_the_tool_can_make_them() {
    let mut verdicts = std::collections::BTreeSet::new();
    for seed in 312..332 {
        let case = Case::new(seed, own);
        for ownership in [Ownership::User, Ownership::Committed] {
            let user = ownership == Ownership::User;
            let ours = case.ours(CheckoutOptions { links: Links::Required, ownership, ..Default::default() });
            let theirs = case.theirs(if user { &["-H", "-U"] } else { &["-H"] });
            assert_eq!(ours.is_ok(), theirs, "seed {seed}, user {user}: {ours:?}");
            verdicts.insert((theirs, user));
            match ours {
                Ok(()) => case.assert_same(&format!("seed {seed}, user {user}")),
                Err(RepoError::CannotLink { mode, .. }) => {
                    assert_eq!(mode, case.repo.mode());
                    assert!(!case.directory.join("ours").exists());
                }
                Err(error) => panic!("seed {seed}: {error}"),
            }
            for name in ["ours", "theirs"] {
                let _ = fs::remove_dir_all(case.directory.join(name));
            }
        }
    }
    assert_eq!(verdicts.len(), 4, "{verdicts:?}");

    // On another file system nothing can be linked.
    let memory = Path::new("/dev/shm");
    let own_device = fs::metadata(env!("CARGO_TARGET_TMPDIR")).unwrap().dev();
    if fs::metadata(memory).is_ok_and(|there| there.dev() != own_device) {
        let seed = (0..4).find(|seed| mode_of(*seed).0 == RepoMode::BareUser).unwrap();
        let case = Case::new(seed, own);
        let name = format!("links-{}", std::process::id());
        let options = CheckoutOptions { links: Links::Required, ..Default::default() };
        let result = case.repo.checkout(&case.commit, &File::open(memory).unwrap(), &name, options);
        fs::remove_dir_all(memory.join(name)).unwrap();
        assert!(matches!(result, Err(RepoError::CannotLink { .. })), "{result:?}");
    }
}

/// What is in the destination before a union: some of the commit's names, with other things behind them.
fn fill(dest: &Path) {
    fs::create_dir(dest).unwrap();
    fs::write(dest.join("file"), "there before").unwrap();
    symlink("there before", dest.join("link")).unwrap();
    fs::create_dir_all(dest.join("dir/below")).unwrap();
    fs::write(dest.join("dir/kept"), "kept").unwrap();
    fs::write(dest.join("dir/same"), "same").unwrap();
}

fn layer(source: &Path) {
    fs::write(source.join("file"), "from the commit").unwrap();
    symlink("from the commit", source.join("link")).unwrap();
    fs::create_dir(source.join("dir")).unwrap();
    fs::write(source.join("dir/same"), "same").unwrap();
    fs::write(source.join("dir/empty"), "").unwrap();
}

#[test]
fn unions_are_the_tools() {
    for (seed, (union, argument)) in
        [(Union::Files, "--union"), (Union::Add, "--union-add")].into_iter().cycle().take(8).enumerate()
    {
        let seed = 400 + u64::try_from(seed / 2).unwrap();
        let case = Case::new(seed, layer);
        for name in ["ours", "theirs"] {
            fill(&case.directory.join(name));
        }
        case.ours(CheckoutOptions { union, ..Default::default() }).unwrap();
        assert!(case.theirs(&["-U", argument]));
        case.assert_same(&format!("seed {seed}, {union:?}"));
        // Once more, over what is the same now.
        case.ours(CheckoutOptions { union, ..Default::default() }).unwrap();
        case.assert_same("again");
    }
}

#[test]
fn what_is_there_must_be_identical_or_absent() {
    // The tool does it with links only: in the modes `bare-user` and `bare-user-only`.
    for seed in [401, 403] {
        let case = Case::new(seed, layer);
        let identical = CheckoutOptions { union: Union::Identical, ..Default::default() };
        case.ours(identical).unwrap();
        case.ours(identical).unwrap();
        let arguments = &["-U", "-H", "--union-identical"];
        // Once: a second time it refuses the symbolic links that it has made.
        assert!(case.theirs(arguments));
        case.assert_same("identical");
        for name in ["ours", "theirs"] {
            let path = case.directory.join(name).join("file");
            fs::remove_file(&path).unwrap();
            fs::write(&path, "FROM THE COMMIT").unwrap();
        }
        let error = case.ours(identical).unwrap_err();
        assert!(matches!(error, RepoError::Differs { .. }), "{error}");
        assert!(!case.theirs(arguments));
        let error = case.ours(CheckoutOptions::default()).unwrap_err();
        assert!(matches!(error, RepoError::Io { doing: "making a directory", .. }), "{error}");
        assert!(!case.theirs(&["-U"]));
    }
}

#[test]
fn whiteouts_remove_what_was_there() {
    for seed in 500..504 {
        let case = Case::new(seed, |source| {
            for name in
                [".wh.file", ".wh.link", ".wh.absent", "dir/.wh.below", "gone/.wh..wh..opq", "gone/new"]
            {
                fs::create_dir_all(source.join(name).parent().unwrap()).unwrap();
                fs::write(source.join(name), "").unwrap();
            }
        });
        for name in ["ours", "theirs"] {
            let dest = case.directory.join(name);
            fill(&dest);
            fs::create_dir_all(dest.join("gone/with/all")).unwrap();
            fs::write(dest.join("gone/old"), "").unwrap();
            symlink("../..", dest.join("dir/below/up")).unwrap();
        }
        fs::write(case.directory.join("witness"), "").unwrap();
        case.ours(CheckoutOptions { union: Union::Files, whiteouts: true, ..Default::default() }).unwrap();
        assert!(case.theirs(&["-U", "--union", "--whiteouts"]));
        case.assert_same(&format!("seed {seed}"));
        let left: Vec<String> = tree::list(&case.directory.join("ours")).into_keys().collect();
        let is_left = |name: &str| left.iter().any(|path| path == name);
        assert!(is_left("gone/new") && is_left("dir/kept"));
        assert!(!is_left("gone/old") && !is_left("dir/below") && !is_left("file") && !is_left(".wh.file"));
        assert!(case.directory.join("witness").exists());
    }
}

#[test]
fn a_subpath_alone_is_checked_out() {
    for seed in 400..404 {
        let case = Case::new(seed, layer);
        case.ours(CheckoutOptions { subpath: "/dir", ..Default::default() }).unwrap();
        assert!(case.theirs(&["-U", "--subpath=/dir"]));
        case.assert_same("subpath");
        let error = case.ours(CheckoutOptions { subpath: "dir/none", ..Default::default() }).unwrap_err();
        assert!(matches!(error, RepoError::NoDirectory), "{error}");
    }
}

#[test]
fn commit_options_give_the_tools_commits() {
    let directory = tempfile();
    let source = directory.join("tree");
    tree::make(&source, 9);
    own(&source);
    for (number, (mode, name)) in (0..4).map(mode_of).enumerate() {
        let (ours, theirs) =
            (directory.join(format!("ours{number}")), directory.join(format!("theirs{number}")));
        fs::create_dir(&theirs).unwrap();
        ostree(&theirs, &["init", &format!("--mode={name}")]);
        let repo = Repo::init(&ours, mode).unwrap();
        let mut parent = None;
        for more in [
            &["--canonical-permissions"][..],
            &["--no-xattrs", "--bind-ref=os/z", "--bind-ref=a"],
            &["--no-bindings", "--add-metadata-string=z=1", "--add-metadata-string=a=2"],
        ] {
            let has = |option: &str| more.contains(&option);
            let mut options = options();
            options.parent = parent;
            options.canonical_permissions = has("--canonical-permissions");
            options.skip_xattrs = has("--no-xattrs");
            options.no_bindings = has("--no-bindings");
            if has("--bind-ref=a") {
                options.bind_refs = vec!["os/z".into(), "a".into()];
            }
            options.metadata = Vec::new();
            if has("--no-bindings") {
                options.metadata = vec![("z".into(), "1".into()), ("a".into(), "2".into())];
            }
            let commit = repo.commit(&source, &options).unwrap();
            let fixed =
                ["--timestamp=@1767225600", "--subject=A subject", "--body=A body", "--branch=os/main"];
            let arguments = [&["commit"], &fixed[..], more, &[source.to_str().unwrap()]].concat();
            assert_eq!(ostree(&theirs, &arguments), commit.to_hex().as_str(), "{name}: {more:?}");
            parent = Some(commit);
        }
        ostree(&ours, &["fsck"]);
    }
    fs::remove_dir_all(&directory).unwrap();
}
