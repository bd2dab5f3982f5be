//! The list in `Sec-WebSocket-Protocol`. RFC 6455, section 4.1, item 10.
//!
//! ```text
//! 1#token = token *( OWS "," OWS token )
//! ```
//! Refused as by `ws`: an empty list or element, blanks in front of the first element or behind the
//! last one, and a name that stands there twice.

use std::collections::BTreeSet;
use std::fmt;

use crate::extension::is_token_byte;

/// Why a list of subprotocols is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubprotocolError<'a> {
    /// A character that does not belong there, by its index in bytes.
    UnexpectedCharacter(usize),
    /// The list stops where a name has to be.
    UnexpectedEnd,
    /// A name that stands in the list twice.
    Duplicate(&'a str),
}

impl fmt::Display for SubprotocolError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedCharacter(index) => write!(f, "Unexpected character at index {index}"),
            Self::UnexpectedEnd => f.write_str("Unexpected end of input"),
            Self::Duplicate(name) => write!(f, "The \"{name}\" subprotocol is duplicated"),
        }
    }
}

impl std::error::Error for SubprotocolError<'_> {}

/// The names in the header, in its order.
///
/// # Errors
/// The header is not a list of distinct tokens.
pub fn parse_subprotocols(header: &str) -> Result<Vec<&str>, SubprotocolError<'_>> {
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    let mut offset = 0;
    let mut elements = header.split(',').peekable();
    while let Some(element) = elements.next() {
        let is_last = elements.peek().is_none();
        let name = parse_element(element, offset, is_last)?;
        if !seen.insert(name) {
            return Err(SubprotocolError::Duplicate(name));
        }
        names.push(name);
        offset += element.len() + 1;
    }
    Ok(names)
}

/// One element, which begins at `offset` of the header.
fn parse_element(
    element: &str,
    offset: usize,
    is_last: bool,
) -> Result<&str, SubprotocolError<'_>> {
    let unexpected = |index| SubprotocolError::UnexpectedCharacter(offset + index);
    let body = element.trim_start_matches(BLANKS);
    let start = element.len() - body.len();
    if offset == 0 && start > 0 {
        return Err(unexpected(0));
    }
    let token_len = body.bytes().take_while(|&byte| is_token_byte(byte)).count();
    let (name, behind) = body.split_at_checked(token_len).unwrap_or((body, ""));
    let junk = behind.trim_start_matches(BLANKS);
    if !junk.is_empty() {
        return Err(unexpected(element.len() - junk.len()));
    }
    match (name.is_empty(), is_last) {
        (true, false) => Err(unexpected(element.len())),
        (true, true) => Err(SubprotocolError::UnexpectedEnd),
        (false, true) if !behind.is_empty() => Err(SubprotocolError::UnexpectedEnd),
        (false, _) => Ok(name),
    }
}

const BLANKS: [char; 2] = [' ', '\t'];
