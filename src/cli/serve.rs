//! `yutang serve`: the server, until SIGTERM or Ctrl-C.

use crate::{app::App, settings::Settings};

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    super::raise_file_limit();
    let app = App::build(settings)?;
    actix::System::new().block_on(app.run_until_stopped(super::stopped()))
}
