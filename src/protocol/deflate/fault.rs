//! What can be wrong with a compressed message, in the words of zlib, which users of `ws` know.

/// Why bytes are no sequence of deflate blocks. RFC 1951.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DeflateFault {
    /// The message stops inside a block.
    UnexpectedEnd,
    /// A block is of the reserved type.
    BlockType,
    /// The two lengths of a stored block disagree.
    StoredLengths,
    /// A block announces more codes than there are.
    TooManySymbols,
    /// The lengths of the code lengths' codes make no code.
    CodeLengths,
    /// A code length is repeated that does not exist, or too often.
    BitLengthRepeat,
    /// There is no code for the end of the block.
    NoEndOfBlock,
    /// The lengths of the literals' codes make no code.
    LiteralLengths,
    /// The lengths of the distances' codes make no code.
    DistanceLengths,
    /// A distance reaches in front of the first byte, or a code stands for nothing.
    DistanceTooFar,
}

impl DeflateFault {
    const ALL: [Self; 10] = [
        Self::UnexpectedEnd,
        Self::BlockType,
        Self::StoredLengths,
        Self::TooManySymbols,
        Self::CodeLengths,
        Self::BitLengthRepeat,
        Self::NoEndOfBlock,
        Self::LiteralLengths,
        Self::DistanceLengths,
        Self::DistanceTooFar,
    ];

    /// What zlib calls it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "unexpected end of file",
            Self::BlockType => "invalid block type",
            Self::StoredLengths => "invalid stored block lengths",
            Self::TooManySymbols => "too many length or distance symbols",
            Self::CodeLengths => "invalid code lengths set",
            Self::BitLengthRepeat => "invalid bit length repeat",
            Self::NoEndOfBlock => "invalid code -- missing end-of-block",
            Self::LiteralLengths => "invalid literal/lengths set",
            Self::DistanceLengths => "invalid distances set",
            Self::DistanceTooFar => "invalid distance too far back",
        }
    }

    /// The fault that zlib-rs has this text for.
    pub(crate) fn of_text(text: &str) -> Self {
        // On its fast path it loses the texts of three faults. They are one here, so that what the
        // user is told does not depend on how the network cuts the bytes.
        Self::ALL.into_iter().find(|fault| fault.text() == text).unwrap_or(Self::DistanceTooFar)
    }
}
