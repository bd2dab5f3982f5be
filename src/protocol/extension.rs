//! The grammar of `Sec-WebSocket-Extensions`. RFC 6455, section 9.1.
//!
//! ```text
//! extension-list  = 1#( token *( ";" extension-param ) )
//! extension-param = token [ "=" ( token | quoted-string ) ]
//! ```
//! What is accepted, and what the index in an error says, is as in `ws`: no empty elements, no
//! blanks at either end of the header or around `=`, and a quoted value is a token once its
//! backslashes are gone. One pass, no backtracking. It gives names no meaning: a parameter may come
//! twice, and no name is special.

use std::borrow::Cow;
use std::fmt;

/// One element of the list: an extension offered by the client or chosen by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The extension's name.
    pub name: &'a str,
    /// Its parameters in the header's order.
    pub params: Vec<Param<'a>>,
}

/// A parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// Its value without quotes; `None` when there is no `=`.
    pub value: Option<Cow<'a, str>>,
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionError {
    /// A character that does not belong there, by its index.
    UnexpectedCharacter(usize),
    /// The header stops where something has to follow.
    UnexpectedEnd,
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedCharacter(index) => write!(f, "Unexpected character at index {index}"),
            Self::UnexpectedEnd => f.write_str("Unexpected end of input"),
        }
    }
}

impl std::error::Error for ExtensionError {}

/// As it stands in a header. A value that needs quotes cannot occur.
impl fmt::Display for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for Param { name, value } in &self.params {
            match value {
                Some(value) => write!(f, "; {name}={value}")?,
                None => write!(f, "; {name}")?,
            }
        }
        Ok(())
    }
}

/// The elements of the header, in its order.
///
/// # Errors
/// The header is not such a list.
pub fn parse_extensions(header: &str) -> Result<Vec<Extension<'_>>, ExtensionError> {
    let mut scanner = Scanner { header, at: 0 };
    let mut extensions = Vec::new();
    if scanner.peek().is_some_and(is_blank) {
        return Err(ExtensionError::UnexpectedCharacter(0));
    }
    loop {
        scanner.skip_blanks();
        let mut extension = Extension { name: scanner.token()?, params: Vec::new() };
        let mut delimiter = scanner.delimiter()?;
        while delimiter == Delimiter::Semicolon {
            let (param, next) = scanner.param()?;
            extension.params.push(param);
            delimiter = next;
        }
        extensions.push(extension);
        if delimiter == Delimiter::End {
            return Ok(extensions);
        }
    }
}

/// The header's value for a list of extensions.
#[must_use]
pub fn format_extensions(extensions: &[Extension<'_>]) -> String {
    let elements: Vec<_> = extensions.iter().map(Extension::to_string).collect();
    elements.join(", ")
}

/// RFC 7230, 3.2.6: tchar.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What ends a name or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    Comma,
    Semicolon,
    End,
}

/// The header and the place that is looked at.
#[derive(Debug)]
struct Scanner<'a> {
    header: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.header.as_bytes().get(self.at).copied()
    }

    /// The error that the byte here makes, or its absence.
    fn unexpected(&self) -> ExtensionError {
        match self.peek() {
            Some(_) => ExtensionError::UnexpectedCharacter(self.at),
            None => ExtensionError::UnexpectedEnd,
        }
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// One or more token bytes.
    fn token(&mut self) -> Result<&'a str, ExtensionError> {
        let rest = self.header.get(self.at..).unwrap_or_default();
        let len = rest.bytes().take_while(|&byte| is_token_byte(byte)).count();
        if len == 0 {
            return Err(self.unexpected());
        }
        self.at += len;
        Ok(rest.get(..len).unwrap_or_default())
    }

    /// What stands behind a name or a value. Blanks in front of it are fine, but not at the end.
    fn delimiter(&mut self) -> Result<Delimiter, ExtensionError> {
        let before = self.at;
        self.skip_blanks();
        let delimiter = match self.peek() {
            Some(b',') => Delimiter::Comma,
            Some(b';') => Delimiter::Semicolon,
            None if self.at == before => Delimiter::End,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(delimiter)
    }

    /// A parameter and what stands behind it.
    fn param(&mut self) -> Result<(Param<'a>, Delimiter), ExtensionError> {
        self.skip_blanks();
        let name = self.token()?;
        let value = if self.peek() == Some(b'=') {
            self.at += 1;
            Some(match self.peek() {
                Some(b'"') => self.quoted()?,
                _ => Cow::Borrowed(self.token()?),
            })
        } else {
            None
        };
        Ok((Param { name, value }, self.delimiter()?))
    }

    /// A quoted value, from its first quote to its last. RFC 6455, 9.1: it MUST be a token once the
    /// quoting is undone.
    fn quoted(&mut self) -> Result<Cow<'a, str>, ExtensionError> {
        self.at += 1;
        let start = self.at;
        let mut unescaped = String::new();
        let mut has_escapes = false;
        loop {
            match self.peek() {
                Some(b'"') if !unescaped.is_empty() => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.at += 1;
                    if !self.peek().is_some_and(is_token_byte) {
                        return Err(self.unexpected());
                    }
                }
                Some(byte) if is_token_byte(byte) => {}
                _ => return Err(self.unexpected()),
            }
            unescaped.extend(self.peek().map(char::from));
            self.at += 1;
        }
        let quoted = self.header.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(if has_escapes { Cow::Owned(unescaped) } else { Cow::Borrowed(quoted) })
    }
}
