//! Validity of OCI documents: the cases of image-spec's `schema/*_test.go`, each as a change of a valid
//! document.

use container_spec::digest::{DigestErrorKind, Sha256};
use container_spec::oci::{
    Descriptor, ImageConfig, Index, Layout, MAX_JSON_BYTES, Manifest, OciError, OciErrorKind, blob_digest,
    chain_ids,
};
use container_spec::platform::Platform;
use serde_json::{Value, json};

const A: &str = "sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270";
const B: &str = "sha256:e692418e4cbaf90ca69d05a66403747baa33ee08806650b51fab815ad7fc331f";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn descriptor() -> Value {
    json!({ "mediaType": MANIFEST, "size": 7682, "digest": A })
}

fn index() -> Value {
    let platform = json!({ "architecture": "ppc64le", "os": "linux" });
    json!({ "schemaVersion": 2, "manifests": [
        { "mediaType": MANIFEST, "size": 7143, "digest": B, "platform": platform },
    ] })
}

fn manifest() -> Value {
    let layer = |size| {
        json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": size, "digest": B,
        })
    };
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "size": 1470, "digest": A },
        "layers": [layer(675_598), layer(156), layer(148)],
    })
}

fn config() -> Value {
    json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [A] } })
}

/// The kind of the refusal; the place within the JSON is serde's and of no matter here.
type Verdict = Result<(), (&'static str, &'static str)>;

fn verdict<T>(result: Result<T, OciError>) -> Verdict {
    let kind = |kind| match kind {
        OciErrorKind::Json { .. } => "json",
        OciErrorKind::MediaType => "media type",
        OciErrorKind::OtherMediaType => "other media type",
        OciErrorKind::Digest(_) => "digest",
        OciErrorKind::Size(_) => "size",
        OciErrorKind::Base64 => "base64",
        OciErrorKind::Uri => "uri",
        OciErrorKind::Value(_) => "value",
        OciErrorKind::Empty => "empty",
        OciErrorKind::Ambiguous => "ambiguous",
        _ => "another",
    };
    result.map(|_| ()).map_err(|error| (error.what, kind(error.kind)))
}

/// The document with the value at `pointer` replaced, or removed.
fn changed(mut document: Value, pointer: &str, value: Option<Value>) -> Vec<u8> {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(key.into(), value)),
        (Value::Object(map), None) => drop(map.remove(key).unwrap()),
        (Value::Array(list), Some(value)) => list[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    document.to_string().into_bytes()
}

fn run<T>(
    document: &Value,
    read: impl Fn(&[u8]) -> Result<T, OciError>,
    rows: &[(&str, Option<Value>, Verdict)],
) -> usize {
    assert_eq!(verdict(read(document.to_string().as_bytes())), Ok(()));
    for (pointer, value, expected) in rows {
        let bytes = changed(document.clone(), pointer, value.clone());
        assert_eq!(verdict(read(&bytes)), *expected, "{}", String::from_utf8_lossy(&bytes));
    }
    rows.len() + 1
}

fn set(value: impl Into<Value>) -> Option<Value> {
    Some(value.into())
}

#[test]
fn the_cases_of_the_image_specification_are_judged_as_there() {
    let long = |len| "1234567890".repeat(13)[..len].to_owned();
    let c = "c86f7763873b6c0aae22d963bab59b4f5debbed6685761b5951584f6efb0633b";
    let media = |what| Err((what, "media type"));
    let json_ = |what| Err((what, "json"));
    let digest = |what| Err((what, "digest"));
    let descriptors = [
        ("/size", set(0), Ok(())),
        ("/mediaType", None, json_("descriptor")),
        ("/mediaType", set("application"), media("mediaType")),
        ("/mediaType", set(".foo/bar"), media("mediaType")),
        ("/mediaType", set("foo/.bar"), media("mediaType")),
        ("/mediaType", set(format!("{}/{}", long(127), long(127))), Ok(())),
        ("/mediaType", set(format!("{}/bar", long(128))), media("mediaType")),
        ("/mediaType", set(format!("foo/{}", long(128))), media("mediaType")),
        ("/mediaType", set(7), json_("descriptor")),
        ("/size", None, json_("descriptor")),
        ("/size", set("7682"), json_("descriptor")),
        ("/size", set(-7682), Err(("size", "size"))),
        ("/size", set(1.5), json_("descriptor")),
        ("/digest", None, json_("descriptor")),
        ("/digest", set(&A[6..]), digest("digest")),
        ("/digest", set("sha256"), digest("digest")),
        ("/digest", set(A.to_uppercase()), digest("digest")),
        ("/digest", set(format!("sha256:{}", &A[7..].to_uppercase())), digest("digest")),
        ("/digest", set(format!("sha256+b64:{c}")), Ok(())),
        ("/digest", set(format!("sha256+foo-bar:{c}")), Ok(())),
        ("/digest", set(format!("sha256.foo-bar:{c}")), Ok(())),
        ("/digest", set("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"), Ok(())),
        ("/digest", set(format!("sha256+foo+-b:{c}")), digest("digest")),
        ("/digest", set("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564"), Ok(())),
        ("/digest", set("sha256+b64u.unknownlength:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564="), Ok(())),
        ("/urls", set(json!(["https://example.com/foo"])), Ok(())),
        ("/urls", set(json!(["value"])), Err(("urls", "uri"))),
        ("/artifactType", set(MANIFEST), Ok(())),
        ("/artifactType", set("foo/.bar"), media("artifactType")),
        ("/data", set("aHR0cHM6Ly9naXRodWIuY29tL29wZW5jb250YWluZXJzCg=="), Ok(())),
        ("/data", set("aHR0cHM6Ly9naXRodWIuY29tL29wZW5jb250YWluZXJzCg"), Err(("data", "base64"))),
        ("/annotations", set(json!({ "a": "b" })), Ok(())),
        ("/annotations", set(json!({ "a": 1 })), json_("descriptor")),
    ];
    let indexes = [
        ("/manifests/0/mediaType", set("invalid"), media("mediaType")),
        ("/manifests/0/mediaType", set(""), media("mediaType")),
        ("/manifests/0/mediaType", set("application/customized.manifest+json"), Ok(())),
        ("/manifests/0/size", set("7682"), json_("index")),
        ("/manifests/0/digest", None, json_("index")),
        ("/manifests/0/platform", None, Ok(())),
        ("/manifests/0/platform/os", None, json_("index")),
        ("/manifests/0/platform/features", set(json!(["sse4"])), Ok(())),
        ("/annotations", set(json!({ "com.example.key1": "value1" })), Ok(())),
        ("/mediaType", set("application/vnd.oci.image.index.v1+json"), Ok(())),
        ("/mediaType", set("application/vnd.docker.distribution.manifest.list.v2+json"), Ok(())),
        ("/mediaType", set(MANIFEST), Err(("mediaType", "other media type"))),
        ("/schemaVersion", set(1), Err(("schemaVersion", "value"))),
        ("/schemaVersion", None, json_("index")),
        ("/manifests", None, json_("index")),
        ("/manifests", set(json!([])), Ok(())),
        ("/layers", set(json!([])), Err(("index", "ambiguous"))),
    ];
    let manifests = [
        ("/mediaType", set("invalid"), media("mediaType")),
        ("/mediaType", None, Ok(())),
        ("/mediaType", set("application/vnd.docker.distribution.manifest.v2+json"), Ok(())),
        ("/config/size", set("1470"), json_("manifest")),
        ("/layers/0/size", set("675598"), json_("manifest")),
        ("/layers/0/mediaType", set("application/vnd.other.layer"), Ok(())),
        ("/config/digest", set(format!("sha256:{}", "h".repeat(64))), digest("digest")),
        ("/annotations", set(json!({ "key1": "value1", "key2": "value2" })), Ok(())),
        ("/layers", set(json!([])), Err(("layers", "empty"))),
        ("/layers", None, json_("manifest")),
        ("/config", None, json_("manifest")),
        ("/subject", set(descriptor()), Ok(())),
        ("/subject", set("x"), json_("manifest")),
        ("/manifests", set(json!([])), Err(("manifest", "ambiguous"))),
    ];
    let configs = [
        ("/os", set(123), json_("config")),
        ("/config", set(json!({ "User": 1234 })), json_("config")),
        ("/history", set("should be an array"), json_("config")),
        ("/config", set(json!({ "Env": [7353] })), json_("config")),
        ("/config", set(json!({ "Volumes": ["/var/job-result-data"] })), json_("config")),
        ("/config", set(json!({ "Volumes": { "/var/job-result-data": {} }, "Cmd": ["x"] })), Ok(())),
        ("/history", set(json!([{ "created_by": "/bin/sh", "empty_layer": true }])), Ok(())),
        ("/rootfs/type", set("other"), Err(("rootfs.type", "value"))),
        ("/rootfs/diff_ids", set(json!(["sha256:1"])), digest("rootfs.diff_ids")),
        ("/architecture", None, json_("config")),
        ("/rootfs", None, json_("config")),
    ];
    let layouts = [
        ("/imageLayoutVersion", set("1.0.0"), Ok(())),
        ("/imageLayoutVersion", set("2.0.0"), Err(("imageLayoutVersion", "value"))),
        ("/imageLayoutVersion", None, json_("oci-layout")),
    ];
    let rows = run(&descriptor(), Descriptor::read, &descriptors)
        + run(&index(), Index::read, &indexes)
        + run(&manifest(), Manifest::read, &manifests)
        + run(&config(), ImageConfig::read, &configs)
        + run(&json!({ "imageLayoutVersion": "1.0.0" }), Layout::read, &layouts);
    assert_eq!(rows, 83);
    assert_eq!(verdict(ImageConfig::read(b"invalid JSON")), json_("config"));
}

#[test]
fn errors_say_where_and_what() {
    let error = |what, kind| Err(OciError { what, kind });
    assert_eq!(
        Manifest::read(b"{\n \"schemaVersion\": x}").map(|_| ()),
        error("manifest", OciErrorKind::Json { line: 2, column: 19 })
    );
    let document = changed(descriptor(), "/digest", set("sha256:00"));
    assert_eq!(
        Descriptor::read(&document).map(|_| ()),
        error("digest", OciErrorKind::Digest(DigestErrorKind::WrongLength { expected: 64, actual: 2 }))
    );
    let bytes = index().to_string();
    assert_eq!(
        Index::verify(bytes.as_bytes(), Sha256::of(b"another")).map(|_| ()),
        error("index", OciErrorKind::Content)
    );
    let verified = Index::verify(bytes.as_bytes(), Sha256::of(bytes.as_bytes())).unwrap();
    assert_eq!(verified, Index::read(bytes.as_bytes()).unwrap());
    assert!(!verified.manifests.is_empty());
}

#[test]
fn a_document_may_have_as_many_bytes_as_registries_accept() {
    let padded = |len: usize| {
        let mut bytes = descriptor().to_string().into_bytes();
        bytes.resize(len, b' ');
        bytes
    };
    assert_eq!(Descriptor::read(&padded(MAX_JSON_BYTES)).map(|it| it.size), Ok(7682));
    assert_eq!(
        Descriptor::read(&padded(MAX_JSON_BYTES + 1)),
        Err(OciError { what: "descriptor", kind: OciErrorKind::TooLarge { bytes: MAX_JSON_BYTES + 1 } })
    );
}

#[test]
fn an_index_gives_the_manifest_of_the_platform_and_never_an_attestation() {
    let entry = |platform: Value, kind: Option<&str>| {
        let mut entry = json!({ "mediaType": MANIFEST, "size": 1, "digest": A, "platform": platform });
        if let Some(kind) = kind {
            entry["annotations"] = json!({ "vnd.docker.reference.type": kind });
        }
        entry
    };
    let arm64 = json!({ "architecture": "arm64", "os": "linux", "variant": "v8" });
    let attestation = entry(arm64.clone(), Some("attestation-manifest"));
    let unknown = entry(json!({ "architecture": "unknown", "os": "unknown" }), None);
    let amd64 = entry(json!({ "architecture": "amd64", "os": "linux" }), None);
    let select = |entries: &[&Value]| {
        let bytes = json!({ "schemaVersion": 2, "manifests": entries }).to_string();
        let index = Index::read(bytes.as_bytes()).unwrap();
        let device = Platform::parse("linux/arm64").unwrap();
        index.select(&device).map(|entry| entry.platform.as_ref().map(|it| it.architecture.clone()))
    };
    let wanted = entry(arm64, None);
    assert_eq!(select(&[&attestation, &unknown, &amd64, &wanted]), Some(Some("arm64".into())));
    assert_eq!(select(&[&attestation, &unknown, &amd64]), None);
    assert_eq!(select(&[&descriptor()]), Some(None));
    assert_eq!(select(&[&descriptor(), &amd64]), None);
}

#[test]
fn chain_ids_are_those_of_the_specification() {
    // image-spec, `identity/chainid.go`: the first is the layer itself, each other the hash of both.
    let [a, b] = [b"a", b"b"].map(|text| Sha256::of(text));
    let chain = chain_ids(&[a, b]);
    assert_eq!(chain, [a, Sha256::of(format!("{a} {b}").as_bytes())]);
    assert_eq!(chain_ids(&[]), []);
    assert_eq!(blob_digest(&format!("blobs/sha256/{}", &A[7..])).map(|it| it.to_string()), Some(A.into()));
    assert_eq!(blob_digest("blobs/sha512/00"), None);
}
