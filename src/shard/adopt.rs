//! Taking over a socket that another event loop accepted.
//!
//! Ownership: the other loop keeps its descriptor and closes it whenever it likes. We own a
//! duplicate from the first moment on, so no descriptor number is ever shared between the two; the
//! connection itself lives until the last of both is closed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use offloop_protocol::{Config, Role};

use crate::profile::Profile;
use crate::progress::Progress;
use crate::registry::ConnectionId;

#[cfg(unix)]
pub use unix::AdoptedSocket;
pub(crate) use unix::Socket;

/// Everything that a shard needs to go on with a connection.
#[derive(Debug)]
pub struct Adoption {
    /// The connection's id; no other living connection of the environment has it.
    pub id: ConnectionId,
    /// The socket.
    pub socket: AdoptedSocket,
    /// Which end of the connection we are.
    pub role: Role,
    /// The protocol's limits.
    pub config: Arc<Config>,
    /// How long the peer may take to end the connection once we have asked it to.
    pub close_timeout: Duration,
    /// Bytes to write in front of the first frame (the opening handshake's response).
    pub response: Vec<u8>,
    /// Bytes that the other loop had read already.
    pub head: Vec<u8>,
    /// Where the connection counts what the kernel has taken.
    pub progress: Progress,
    /// What it is watched for, and where it is counted.
    pub profile: Option<Arc<Profile>>,
}

mod unix {
    use std::io::IoSlice;
    use std::net::SocketAddr;
    use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::buf::Limit;
    use socket2::{SockRef, TcpKeepalive};
    use tokio::io::{AsyncReadExt, AsyncWrite};
    use tokio::net::TcpStream;

    use super::io;

    /// A peer that is gone is an error, not a signal.
    #[cfg(target_os = "linux")]
    const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    const NO_SIGNAL: i32 = 0; // Node ignores the signal.

    /// What follows at once is a FIN, which can go in the packet of the last bytes.
    #[cfg(target_os = "linux")]
    const FIN_FOLLOWS: i32 = libc::MSG_MORE;
    #[cfg(not(target_os = "linux"))]
    const FIN_FOLLOWS: i32 = 0;

    /// A duplicate of somebody's connected stream socket, not yet watched by any loop. It does not
    /// block, as no socket of Node's does.
    #[derive(Debug)]
    pub struct AdoptedSocket(OwnedFd);

    impl AdoptedSocket {
        /// Duplicates an open descriptor (close-on-exec).
        ///
        /// # Errors
        /// The operating system's, for example when the process has no descriptor left.
        ///
        /// The caller passes a descriptor that is open during this call, as the descriptor of a
        /// handle that Node has not closed is on Node's own thread.
        pub fn duplicate(descriptor: RawFd) -> io::Result<Self> {
            if descriptor < 0 {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            #[expect(unsafe_code, reason = "the one place where a descriptor comes from outside")]
            // SAFETY: not -1, and open for this call by the caller's promise; were it not, the
            // duplication would fail with EBADF and nothing else would happen.
            let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
            borrowed.try_clone_to_owned().map(Self)
        }

        /// The peer's address and our own; a Unix socket has none.
        #[must_use]
        pub fn addresses(&self) -> [Option<SocketAddr>; 2] {
            let socket = SockRef::from(&self.0);
            [socket.peer_addr(), socket.local_addr()].map(|address| address.ok()?.as_socket())
        }
    }

    impl From<OwnedFd> for AdoptedSocket {
        fn from(descriptor: OwnedFd) -> Self {
            Self(descriptor)
        }
    }

    /// A socket that this shard's runtime watches. It may be a Unix one: what is done with it here is
    /// the same for both, but for options that it does not know.
    #[derive(Debug)]
    pub(crate) struct Socket(TcpStream);

    impl Socket {
        /// Registers the socket with the runtime of the calling thread.
        pub(crate) fn register(adopted: AdoptedSocket) -> io::Result<Self> {
            TcpStream::from_std(adopted.0.into()).map(Self)
        }

        /// Reads to behind what is in a vector. Returns how much.
        pub(crate) fn poll_read(
            &mut self,
            context: &mut Context<'_>,
            room: &mut Limit<&mut Vec<u8>>,
        ) -> Poll<io::Result<usize>> {
            pin!(self.0.read_buf(room)).poll(context)
        }

        /// Writes what the kernel takes. Asks the runtime only when the kernel refuses: of a socket
        /// just registered the runtime does not know yet that it is writable.
        pub(crate) fn poll_write(
            &mut self,
            context: &mut Context<'_>,
            slices: &[IoSlice<'_>],
            fin_follows: bool,
        ) -> Poll<io::Result<usize>> {
            match self.write_now(slices, fin_follows) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            Pin::new(&mut self.0).poll_write_vectored(context, slices)
        }

        /// Writes what the kernel takes at once. `fin_follows` promises a [`Socket::shutdown`] behind
        /// the bytes.
        pub(crate) fn write_now(
            &self,
            slices: &[IoSlice<'_>],
            fin_follows: bool,
        ) -> io::Result<usize> {
            let flags = if fin_follows { NO_SIGNAL | FIN_FOLLOWS } else { NO_SIGNAL };
            let socket = SockRef::from(&self.0);
            match slices {
                [one] => socket.send_with_flags(one, flags),
                _ => socket.send_vectored_with_flags(slices, flags),
            }
        }

        /// Turns Nagle's algorithm off or on.
        pub(crate) fn set_no_delay(&self, on: bool) -> io::Result<()> {
            self.0.set_nodelay(on)
        }

        /// Has the kernel probe a silent peer after `seconds` (0 is the kernel's default), in the
        /// rhythm that Node has it do so; or never.
        pub(crate) fn set_keep_alive(&self, seconds: Option<u32>) -> io::Result<()> {
            let socket = SockRef::from(&self.0);
            socket.set_keepalive(seconds.is_some())?;
            let Some(seconds @ 1..) = seconds else { return Ok(()) };
            let probes = TcpKeepalive::new()
                .with_time(Duration::from_secs(seconds.into()))
                .with_interval(Duration::from_secs(1))
                .with_retries(10);
            socket.set_tcp_keepalive(&probes)
        }

        /// The end of the connection will be a reset.
        pub(crate) fn set_reset(&self) -> io::Result<()> {
            self.0.set_zero_linger()
        }

        /// Ends our half. Never waits: the kernel does what is left.
        pub(crate) fn shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }
}
