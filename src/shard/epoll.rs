//! The descriptor of a runtime's epoll set: it is readable when the runtime has something to look at.
//!
//! Tokio does not tell it, so it is looked for: the kernel gives a new descriptor the lowest number
//! that is free, and `/proc` tells what a set watches. On a system without it the shard's own thread
//! always leads.

use std::ffi::c_int;
use std::io;

use tokio::runtime::Runtime;

/// Builds a runtime, and finds the descriptor of what it watches. That stays open as long as the runtime.
pub(crate) fn runtime_with_descriptor() -> io::Result<(Runtime, Option<c_int>)> {
    let expected = search::lowest_free();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let descriptor = expected.and_then(|expected| search::find(expected, &runtime));
    Ok((runtime, descriptor))
}

#[cfg(target_os = "linux")]
mod search {
    use std::ffi::c_int;
    use std::fs::{File, read_dir, read_to_string};
    use std::os::fd::AsRawFd;

    use tokio::net::UnixDatagram;
    use tokio::runtime::Runtime;

    /// The number that the next descriptor will have, if nobody else opens one first.
    pub(super) fn lowest_free() -> Option<c_int> {
        File::open("/dev/null").ok().map(|file| file.as_raw_fd())
    }

    /// The epoll set that watches what is given to the runtime. It has that number, unless another thread
    /// opened or closed a descriptor meanwhile; then it can have any.
    pub(super) fn find(expected: c_int, runtime: &Runtime) -> Option<c_int> {
        let _inside = runtime.enter();
        let probe = UnixDatagram::unbound().ok()?;
        if watches(expected, &probe) {
            Some(expected)
        } else {
            all().find(|&set| watches(set, &probe))
        }
    }

    fn all() -> impl Iterator<Item = c_int> {
        let entries = read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    fn watches(set: c_int, probe: &UnixDatagram) -> bool {
        let probed = probe.as_raw_fd().to_string();
        // A line for each that is watched: "tfd:  12 events: ...".
        read_to_string(format!("/proc/self/fdinfo/{set}")).is_ok_and(|watched| {
            let mut lines = watched.lines().filter_map(|line| line.strip_prefix("tfd:"));
            lines.any(|line| line.split_whitespace().next() == Some(&probed))
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod search {
    use std::ffi::c_int;

    use tokio::runtime::Runtime;

    pub(super) fn lowest_free() -> Option<c_int> {
        None
    }

    pub(super) fn find(_: c_int, _: &Runtime) -> Option<c_int> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn finds_each_runtimes_own_set() {
        let runtimes = [(); 2].map(|()| Builder::new_current_thread().enable_io().build().unwrap());
        let sets = runtimes.each_ref().map(|runtime| search::find(c_int::MAX, runtime));
        assert!(sets[0].is_some() && sets[1].is_some());
        assert_ne!(sets[0], sets[1]);
        assert_eq!(search::find(sets[1].unwrap(), &runtimes[0]), sets[0], "it is another's");
    }
}
