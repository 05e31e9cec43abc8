//! `container-spec` beside bare `saphyr-parser`, `compose_spec` and `docker-compose-types`: the same generated file,
//! in turn, medians.
//!
//! The peers do not interpolate, so they get the file with its variables resolved. `parse` of ours is the
//! tree alone; `load` is parsed, interpolated, all short forms long, complete and checked; `canonical` is the text.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use container_spec::compose::{self, Environment};

const RUNS: usize = 15;

/// A Compose file of so many services, with variables if `variables`.
fn file(services: usize, variables: bool) -> String {
    let mut text = String::from("name: bench\nservices:\n");
    let value = |name: &str, default: &str| match variables {
        true => format!("${{{name}:-{default}}}"),
        false => default.to_owned(),
    };
    for n in 0..services {
        let image = format!("registry.example:5000/torizon/application-{n}:{}", value("TAG", "3.2.1"));
        let port = 10_000 + n;
        write!(
            text,
            "  service-{n}:
    image: {image}
    command: [/usr/bin/application, --verbose, --config, /etc/application/{n}.conf]
    restart: unless-stopped
    stop_grace_period: 1m30s
    environment:
    - ACCEPT_FSL_EULA=1
    - LOG_LEVEL={level}
    - ENDPOINT=https://gateway.example/api/v2/devices/{n}
    - WAYLAND_USER=torizon
    labels:
      com.example.team: platform
      com.example.description: Service number {n} of the generated file, which has as much text as people write
      com.example.release: '2026.11'
      com.example.documentation: https://docs.example/applications/{n}/operation-and-maintenance/index.html
      com.example.contact: The team that answers for this application at any hour, and whom the device reports to
      com.example.licence: Apache-2.0 AND MIT AND BSD-3-Clause AND LGPL-2.1-or-later WITH Linking-exception
    volumes:
    - type: bind
      source: /tmp
      target: /tmp
    - type: bind
      source: /run/udev
      target: /run/udev
      read_only: true
    - ./data/{n}:/var/lib/application
    - /dev/dri:/dev/dri:ro
    ports:
    - '127.0.0.1:{port}:8080/tcp'
    cap_add:
    - CAP_SYS_TTY_CONFIG
    - CAP_NET_ADMIN
    device_cgroup_rules:
    - c 4:* rmw
    - c 13:* rmw
    - c 199:* rmw
    - c 226:* rmw
    healthcheck:
      test: [CMD, curl, --fail, 'http://127.0.0.1:8080/health']
      interval: 30s
      timeout: 5s
      retries: 3
    logging:
      driver: json-file
      options:
        max-size: 1m
        max-file: '3'
    networks:
      front:
        aliases: [application-{n}.example, app{n}]
    mem_limit: {memory}
    shm_size: 256m
    ulimits:
      nofile:
        soft: 20000
        hard: 40000
    security_opt:
    - seccomp:unconfined
    sysctls:
      net.core.somaxconn: 1024
    working_dir: /srv/application
    user: '1000:1000'
",
            level = value("LEVEL", "info"),
            memory = value("MEMORY", "128m"),
        )
        .expect("memory");
    }
    text.push_str("networks:\n  front:\n    driver: bridge\n");
    text
}

type Run<'r> = (&'static str, Box<dyn Fn() -> usize + 'r>);

fn main() {
    let services: usize = std::env::args().nth(1).map_or(2000, |count| count.parse().expect("a number"));
    let (text, plain) = (file(services, true), file(services, false));
    println!("{services} services, {} bytes, {} with the variables resolved", text.len(), plain.len());
    let environment = Environment::new();
    let rows: Vec<Run<'_>> = vec![
        (
            "saphyr-parser: events",
            Box::new(|| saphyr_parser::Parser::new_from_str(&text).filter(|event| event.is_ok()).count()),
        ),
        ("container-spec: parse", Box::new(|| compose::parse_yaml(&text, 0).expect("YAML").entries().len())),
        (
            "container-spec: parse and interpolate",
            Box::new(|| {
                let mut root = compose::parse_yaml(&text, 0).expect("YAML");
                compose::interpolate(&mut root, &environment).expect("variables").len() + root.entries().len()
            }),
        ),
        (
            "container-spec: load",
            Box::new(|| compose::load(&text, &environment).expect("a project").services.len()),
        ),
        ("container-spec: canonical", Box::new(|| compose::canonical(&text).expect("YAML").len())),
        (
            "compose_spec 0.3",
            Box::new(|| {
                let options = compose_spec::Compose::options();
                options.from_yaml_str(&plain).map_or(0, |compose: compose_spec::Compose| compose.services.len())
            }),
        ),
        (
            "docker-compose-types 0.24",
            Box::new(|| {
                let read: Result<docker_compose_types::Compose, _> = serde_yaml::from_str(&plain);
                read.map_or(0, |compose| compose.services.0.len())
            }),
        ),
    ];
    let mut times: Vec<Vec<Duration>> = rows.iter().map(|_| Vec::new()).collect();
    for run in 0..=RUNS {
        for ((name, work), times) in rows.iter().zip(&mut times) {
            let start = Instant::now();
            let result = black_box(work());
            let time = start.elapsed();
            if result == 0 && run == 0 {
                println!("  {name} does not read the file");
            }
            // The first run warms up.
            if run > 0 {
                times.push(time);
            }
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        (times[RUNS / 2].as_secs_f64(), times[0].as_secs_f64())
    };
    let medians: Vec<(f64, f64)> = times.iter_mut().map(median).collect();
    println!("{:<40} {:>9} {:>9} {:>7} {:>14}", "", "median ms", "least ms", "MB/s", "% of the first");
    for ((name, _), (middle, least)) in rows.iter().zip(&medians) {
        let speed = text.len() as f64 / middle / 1e6;
        let share = medians[0].1 / least * 100.0;
        println!("{name:<40} {:>9.1} {:>9.1} {speed:>7.1} {share:>14.0}", middle * 1e3, least * 1e3);
    }
}
