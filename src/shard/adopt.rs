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
    use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::buf::Limit;
    use socket2::{SockRef, TcpKeepalive};
    use tokio::io::{AsyncReadExt, AsyncWrite};
    use tokio::net::{TcpStream, UnixStream};

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

    /// A duplicate of somebody's connected stream socket, not yet watched by any loop.
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
    }

    impl From<OwnedFd> for AdoptedSocket {
        fn from(descriptor: OwnedFd) -> Self {
            Self(descriptor)
        }
    }

    /// A socket that this shard's runtime watches.
    #[derive(Debug)]
    pub(crate) enum Socket {
        Tcp(TcpStream),
        Unix(UnixStream),
    }

    impl Socket {
        /// Registers the socket with the runtime of the calling thread.
        pub(crate) fn register(adopted: AdoptedSocket) -> io::Result<Self> {
            let stream = std::net::TcpStream::from(adopted.0);
            stream.set_nonblocking(true)?;
            // Only an internet socket has an address that std can read.
            if stream.local_addr().is_ok() {
                return TcpStream::from_std(stream).map(Self::Tcp);
            }
            let stream = std::os::unix::net::UnixStream::from(OwnedFd::from(stream));
            UnixStream::from_std(stream).map(Self::Unix)
        }

        /// Reads to behind what is in a vector. Returns how much.
        pub(crate) fn poll_read(
            &mut self,
            context: &mut Context<'_>,
            room: &mut Limit<&mut Vec<u8>>,
        ) -> Poll<io::Result<usize>> {
            match self {
                Self::Tcp(stream) => pin!(stream.read_buf(room)).poll(context),
                Self::Unix(stream) => pin!(stream.read_buf(room)).poll(context),
            }
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
            match self {
                Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
                Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            }
        }

        /// Writes what the kernel takes at once. `fin_follows` promises a [`Socket::shutdown`] behind
        /// the bytes.
        pub(crate) fn write_now(
            &self,
            slices: &[IoSlice<'_>],
            fin_follows: bool,
        ) -> io::Result<usize> {
            let flags = if fin_follows { NO_SIGNAL | FIN_FOLLOWS } else { NO_SIGNAL };
            let socket = match self {
                Self::Tcp(stream) => SockRef::from(stream),
                Self::Unix(stream) => SockRef::from(stream),
            };
            match slices {
                [one] => socket.send_with_flags(one, flags),
                _ => socket.send_vectored_with_flags(slices, flags),
            }
        }

        /// Turns Nagle's algorithm off or on.
        pub(crate) fn set_no_delay(&self, on: bool) -> io::Result<()> {
            match self {
                Self::Tcp(stream) => stream.set_nodelay(on),
                Self::Unix(_) => Ok(()),
            }
        }

        /// Has the kernel probe a silent peer after `seconds` (0 is the kernel's default), in the
        /// rhythm that Node has it do so; or never.
        pub(crate) fn set_keep_alive(&self, seconds: Option<u32>) -> io::Result<()> {
            let Self::Tcp(stream) = self else { return Ok(()) };
            let socket = SockRef::from(stream);
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
            match self {
                Self::Tcp(stream) => stream.set_zero_linger(),
                Self::Unix(_) => Ok(()),
            }
        }

        /// Ends our half. Never waits: the kernel does what is left.
        pub(crate) fn shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            match self {
                Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
                Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            }
        }
    }
}
