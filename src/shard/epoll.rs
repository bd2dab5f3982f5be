//! The descriptor of a runtime's epoll set: it is readable when the runtime has something to look at.
//!
//! Tokio does not tell it, so it is looked for: the kernel gives a new descriptor the lowest number
//! that is free, and `/proc` tells what a set watches. Where that fails, for a thread that took the
//! number at the same moment or for a system without `/proc`, the shard's own thread always leads.

use std::io;

use tokio::runtime::Runtime;

/// A descriptor that stays open as long as the runtime it belongs to.
#[cfg(unix)]
pub(crate) type Descriptor = std::os::fd::RawFd;
#[cfg(not(unix))]
pub(crate) type Descriptor = std::convert::Infallible;

/// Builds a runtime, and finds the descriptor of what it watches.
pub(crate) fn runtime_with_descriptor() -> io::Result<(Runtime, Option<Descriptor>)> {
    let lowest = search::lowest_free();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let descriptor = lowest.filter(|&descriptor| search::watches_for(descriptor, &runtime));
    Ok((runtime, descriptor))
}

#[cfg(target_os = "linux")]
mod search {
    use std::fs::{File, read_to_string};
    use std::os::fd::AsRawFd;

    use tokio::net::UnixDatagram;
    use tokio::runtime::Runtime;

    use super::Descriptor;

    /// The number that the next descriptor will have, if nobody else opens one first.
    pub(super) fn lowest_free() -> Option<Descriptor> {
        File::open("/dev/null").ok().map(|file| file.as_raw_fd())
    }

    /// Whether a descriptor is an epoll set that watches what is given to a runtime.
    pub(super) fn watches_for(descriptor: Descriptor, runtime: &Runtime) -> bool {
        let _inside = runtime.enter();
        let Ok(probe) = UnixDatagram::unbound() else { return false };
        let probed = probe.as_raw_fd().to_string();
        // A line for each that is watched: "tfd:  12 events: ...".
        read_to_string(format!("/proc/self/fdinfo/{descriptor}")).is_ok_and(|watched| {
            let mut lines = watched.lines().filter_map(|line| line.strip_prefix("tfd:"));
            lines.any(|line| line.split_whitespace().next() == Some(&probed))
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod search {
    use tokio::runtime::Runtime;

    use super::Descriptor;

    pub(super) fn lowest_free() -> Option<Descriptor> {
        None
    }

    pub(super) fn watches_for(_: Descriptor, _: &Runtime) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn only_a_runtimes_own_set_watches_what_it_is_given() {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        let own = (0..1024).filter(|&descriptor| search::watches_for(descriptor, &runtime));
        // The one that polls, and its duplicate for those who register.
        assert_eq!(own.count(), 2);
    }
}
