//! Applications on a real Docker Engine.

use testkit::dockerd::Dockerd;

#[test]
fn the_engine_of_a_test_pulls_by_digest_and_keeps_its_images_when_its_power_is_cut() {
    let mut dockerd = Dockerd::start();
    dockerd.start_registry();
    let published = dockerd.publish("1");
    assert_eq!(dockerd.docker(&["images", "-q"]), "");
    let _ = dockerd.docker(&["pull", "-q", &published.image]);
    let id = dockerd.docker(&["images", "-q", "--no-trunc"]);
    let _ = dockerd.docker(&["run", "-d", "--name", "one", &published.image, "sleep", "1000"]);
    dockerd.cut_power();
    assert!(!dockerd.command().arg("version").output().unwrap().status.success());
    dockerd.power_on();
    assert_eq!(dockerd.docker(&["images", "-q", "--no-trunc"]), id);
    let state = ["inspect", "-f", "{{.State.Status}} {{.Config.Image}}", "one"];
    assert_eq!(dockerd.docker(&state), format!("exited {}", published.image));
}
