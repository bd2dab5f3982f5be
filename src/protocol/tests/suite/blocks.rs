//! Deflate (RFC 1951) read by hand, without zlib: block by block, with how far each refers back.
//!
//! The inflater of zlib-rs is no judge of that: it takes the largest window, whatever it is told.

use offloop_protocol::{MessageKind, Outgoing, Payload};

use crate::support::Peer;

/// Reads deflate blocks, bit by bit.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    /// The next bit, counted from the first byte's lowest one.
    at: usize,
    /// All that came out of all messages.
    pub(crate) plain: Vec<u8>,
    /// The longest distance that was referred back to.
    pub(crate) farthest: usize,
}

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// BFINAL.
    pub(crate) last: bool,
    /// BTYPE: 0 stored, 1 fixed codes, 2 codes of its own.
    pub(crate) kind: usize,
    /// What came out of it.
    pub(crate) length: usize,
}

/// What every flushed block ends with, and a message lacks. RFC 7692, 7.2.1.
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
struct Huffman {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Huffman {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().filter(|&&length| length > 0).for_each(|&length| counts[length] += 1);
        let mut symbols: Vec<_> =
            (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        Self { counts, symbols }
    }
}

impl Reader {
    /// Reads blocks that end where `payload` does, on top of all those before.
    pub(crate) fn read(&mut self, payload: &[u8]) -> Vec<Block> {
        (self.bytes, self.at) = (payload.to_vec(), 0);
        let mut blocks = Vec::new();
        while self.at < 8 * payload.len() {
            blocks.push(self.block());
        }
        blocks
    }

    fn bits(&mut self, count: usize) -> usize {
        (0..count).fold(0, |value, place| {
            let bit = self.bytes[self.at / 8] >> (self.at % 8) & 1;
            self.at += 1;
            value | usize::from(bit) << place
        })
    }

    fn symbol(&mut self, huffman: &Huffman) -> usize {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &huffman.counts[1..] {
            code |= self.bits(1);
            if code < first + count {
                return huffman.symbols[index + code - first];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        unreachable!("no code has more than 15 bits");
    }

    fn block(&mut self) -> Block {
        let before = self.plain.len();
        let (last, kind) = (self.bits(1) == 1, self.bits(2));
        match kind {
            0 => self.stored(),
            1 => {
                let literals: Vec<_> = [[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat();
                self.codes(&Huffman::new(&literals), &Huffman::new(&[5; 30]));
            }
            2 => self.dynamic(),
            _ => unreachable!("a block of the reserved kind"),
        }
        Block { last, kind, length: self.plain.len() - before }
    }

    fn stored(&mut self) {
        self.at = self.at.next_multiple_of(8);
        let (length, complement) = (self.bits(16), self.bits(16));
        assert_eq!(length ^ 0xffff, complement);
        let start = self.at / 8;
        self.plain.extend(&self.bytes[start..start + length]);
        self.at += 8 * length;
    }

    fn dynamic(&mut self) {
        const ORDER: [usize; 19] =
            [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let (literals, distances, count) = (self.bits(5) + 257, self.bits(5) + 1, self.bits(4) + 4);
        let mut lengths = [0; 19];
        for &place in &ORDER[..count] {
            lengths[place] = self.bits(3);
        }
        let code = Huffman::new(&lengths);
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (value, times) = match self.symbol(&code) {
                16 => (lengths[lengths.len() - 1], 3 + self.bits(2)),
                17 => (0, 3 + self.bits(3)),
                18 => (0, 11 + self.bits(7)),
                length => (length, 1),
            };
            lengths.resize(lengths.len() + times, value);
        }
        let (literals, distances) = lengths.split_at(literals);
        self.codes(&Huffman::new(literals), &Huffman::new(distances));
    }

    fn codes(&mut self, literals: &Huffman, distances: &Huffman) {
        loop {
            match self.symbol(literals) {
                256 => return,
                literal @ 0..256 => self.plain.push(u8::try_from(literal).unwrap()),
                code => {
                    let length = match code - 257 {
                        28 => 258,
                        code @ 0..8 => 3 + code,
                        code => 3 + ((4 + code % 4) << (code / 4 - 1)) + self.bits(code / 4 - 1),
                    };
                    let distance = match self.symbol(distances) {
                        code @ 0..4 => 1 + code,
                        code => 1 + ((2 + code % 2) << (code / 2 - 1)) + self.bits(code / 2 - 1),
                    };
                    self.farthest = self.farthest.max(distance);
                    let from = self.plain.len() - distance;
                    (from..from + length).for_each(|place| self.plain.push(self.plain[place]));
                }
            }
        }
    }
}

/// Sends a binary message, or a fragment of one, to be compressed; returns its payload, unmasked.
pub(crate) fn sent(sender: &mut Peer, payload: &[u8], fin: bool) -> Vec<u8> {
    let message = Outgoing {
        kind: MessageKind::Binary,
        fin,
        compress: true,
        payload: Payload::Slice(payload),
    };
    sender.connection.send_message(message, &mut sender.host).unwrap();
    let wire = std::mem::take(&mut sender.host.wire);
    let header = match wire[1] & 0x7f {
        0..126 => 2,
        126 => 4,
        _ => 10,
    };
    let (header, rest) = wire.split_at(header);
    if header[1] & 0x80 == 0 {
        return rest.to_vec();
    }
    let (key, body) = rest.split_at(4);
    body.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}
