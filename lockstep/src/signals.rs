//! Signals while something is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reconciler::Exit;
use tokio::signal::unix::{SignalKind, signal};

use crate::configuration::{Bar, say};

/// True from the first SIGINT or SIGTERM on. `bar` goes away then, and a second signal ends the process at once.
pub(crate) fn stop(bar: &Bar) -> std::io::Result<Arc<AtomicBool>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (stopped, bar) = (Arc::new(AtomicBool::new(false)), bar.clone());
    let told = stopped.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if told.swap(true, Ordering::Relaxed) {
                say("Ended at once: whether what was under way is done is not known.");
                std::process::exit(Exit::Partial as i32);
            }
            bar.hide();
            say(
                "Stopping: nothing more is begun, and what is under way ends. A second signal ends it at once.",
            );
        }
    });
    Ok(stopped)
}
