//! `ota-agent`: see `ota-agent --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ota_agent::cli::main()
}
