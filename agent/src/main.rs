//! `ota-agent`.

fn main() {}
