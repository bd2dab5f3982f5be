//! What does not wait for messages: control frames overtake them, and so does the end.

use super::{BufferPool, Content, Mark, Outbox, Segment};

impl Outbox {
    /// With more than this unwritten, control frames overtake messages.
    const DEEP_BYTES: u64 = 64 * 1024;

    /// Whether so much is unwritten that a control frame is not to stand behind it.
    pub(crate) fn is_deep(&self) -> bool {
        self.pending_bytes() > Self::DEEP_BYTES
    }

    /// Puts control frames in front of the first frame of which nothing is written, behind those that
    /// stand there already. They hold so many automatic pongs; `charged` says that the layer above has
    /// charged for them, behind everything else.
    pub(crate) fn put_urgent(
        &mut self,
        bytes: &[u8],
        pongs: u32,
        charged: bool,
        pool: &mut BufferPool,
    ) {
        let (index, start) = self.first_untouched();
        let length = bytes.len() as u64;
        let surplus = i64::try_from(bytes.len()).unwrap_or(0);
        self.queued += length;
        let before = index.checked_sub(1).and_then(|before| self.segments.get_mut(before));
        if let Some(Segment { content: Content::Urgent(urgent), .. }) = before {
            urgent.extend_from_slice(bytes);
        } else {
            let mut urgent = pool.take();
            urgent.extend_from_slice(bytes);
            let segment = Segment { content: Content::Urgent(urgent), begins_frame: true };
            self.segments.insert(index, segment);
        }
        let behind = self.marks.partition_point(|&(end, _)| end <= start);
        for (end, _) in self.marks.range_mut(behind..) {
            *end += length;
        }
        self.unwritten_pongs += pongs;
        let mark = Mark::Settle { surplus: -surplus, pongs };
        self.marks.insert(behind, (start + length, mark));
        if charged {
            self.marks.push_back((self.queued, Mark::Settle { surplus, pongs: 0 }));
        }
    }

    /// Drops every frame of which nothing is written, as if it had been. Who waited for one of them
    /// is not told.
    pub(crate) fn discard(&mut self) {
        let (index, end) = self.first_untouched();
        self.segments.truncate(index);
        let kept = self.marks.partition_point(|&(at, _)| at <= end);
        let mut surplus = i64::try_from(self.queued - end).unwrap_or(0);
        let mut pongs = 0;
        for (_, mark) in self.marks.drain(kept..) {
            if let Mark::Settle { surplus: more, pongs: dropped } = mark {
                surplus += more;
                pongs += dropped;
            }
        }
        self.marks.push_back((end, Mark::Settle { surplus, pongs }));
        self.queued = end;
    }

    /// The first segment that begins a frame of a message of which nothing is written, and where its
    /// first byte stands in everything ever put in. Behind the last segment, if there is none.
    fn first_untouched(&self) -> (usize, u64) {
        let mut start = self.written;
        for (index, segment) in self.segments.iter().enumerate() {
            let is_touched = index == 0 && self.front > 0;
            let is_urgent = matches!(segment.content, Content::Urgent(_));
            if segment.begins_frame && !is_touched && !is_urgent {
                return (index, start);
            }
            let skip = if index == 0 { self.front } else { 0 };
            start += (segment.bytes().len() - skip) as u64;
        }
        (self.segments.len(), start)
    }
}
