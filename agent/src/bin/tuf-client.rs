//! `tuf-client`: see `tuf-client --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ota_agent::tuf_client::main()
}
