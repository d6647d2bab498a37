//! Telling systemd that the program is ready or stopping (`Type=notify`). Without `NOTIFY_SOCKET` nothing happens.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Systemd named a socket and could not be told.
#[derive(Debug, thiserror::Error)]
#[error("cannot notify systemd: {0}")]
pub struct NotifyError(#[from] std::io::Error);

/// The program serves.
///
/// # Errors
/// [`NotifyError`] when `NOTIFY_SOCKET` is set and cannot be written to.
pub fn notify_ready() -> Result<(), NotifyError> {
    match std::env::var("NOTIFY_SOCKET") {
        Ok(socket) => send(&socket, "READY=1"),
        Err(_) => Ok(()),
    }
}

/// The program stops. Nothing depends on systemd hearing it, so a failure is only logged.
pub(crate) fn notify_stopping() {
    let Ok(socket) = std::env::var("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&socket, "STOPPING=1") {
        tracing::debug!(%error, "systemd was not told of the stop");
    }
}

fn send(socket: &str, state: &str) -> Result<(), NotifyError> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive_at_abstract_sockets_and_missing_ones_are_reported() {
        let name = format!("agoge-notify-test-{}", std::process::id());
        let receiver = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(&format!("@{name}"), "READY=1").unwrap();
        let mut buffer = [0_u8; 32];
        let length = receiver.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");
        assert!(send("/nowhere/notify", "READY=1").is_err());
    }
}
