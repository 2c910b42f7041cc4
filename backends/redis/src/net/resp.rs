//! What Redis answers, read: RESP 2.
//!
//! The driver's own parser takes some 2,000 instructions for each element of an answer, and a
//! session is an answer of fourteen. This one first looks for the answer's end, without keeping
//! anything, and reads it once it is complete.

use std::io;
use std::str::Utf8Error;

use redis::{RedisResult, Value};

/// No answer to a command of the store is nested more deeply.
const DEEPEST: usize = 8;

/// Redis itself keeps no longer text.
const LONGEST: usize = 512 << 20;

/// How far the first answer in a buffer has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It is so many bytes long.
    Whole(usize),
    /// It is at least so many bytes long.
    Partly(usize),
}

/// Looks for the end of an answer that arrives bit by bit. What was looked at is not looked at
/// again.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    /// So many bytes are complete elements.
    at: usize,
    /// How many elements each of the arrays around the next one still has.
    open: [u64; DEEPEST],
    depth: usize,
}

impl Measure {
    /// `bytes` begin where the answer begins, and go on from what they were before.
    pub(crate) fn go_on(&mut self, bytes: &[u8]) -> io::Result<Arrived> {
        let mut reader = Reader { bytes, at: self.at };
        loop {
            let Some((kind, line)) = reader.line()? else {
                return Ok(Arrived::Partly(bytes.len() + 1));
            };
            match kind {
                b'+' | b'-' | b':' => {}
                b'$' => {
                    if let Some(length) = length(line)? {
                        if length > LONGEST {
                            return Err(damaged());
                        }
                        let end = reader.at + length + 2;
                        if end > bytes.len() {
                            return Ok(Arrived::Partly(end));
                        }
                        if &bytes[end - 2..end] != b"\r\n" {
                            return Err(damaged());
                        }
                        reader.at = end;
                    }
                }
                b'*' => {
                    if let Some(elements @ 1..) = length(line)? {
                        *self.open.get_mut(self.depth).ok_or_else(damaged)? = elements as u64;
                        self.depth += 1;
                        self.at = reader.at;
                        continue;
                    }
                }
                _ => return Err(damaged()),
            }
            self.at = reader.at;
            // One element is complete, and with it each array whose last one it was.
            loop {
                let Some(innermost) = self.depth.checked_sub(1) else {
                    return Ok(Arrived::Whole(self.at));
                };
                self.open[innermost] -= 1;
                if self.open[innermost] > 0 {
                    break;
                }
                self.depth = innermost;
            }
        }
    }
}

/// Reads an answer that has arrived whole. One that says that the command failed is a
/// `Value::ServerError`.
pub(crate) fn read(whole: &[u8]) -> RedisResult<Value> {
    value(&mut Reader { bytes: whole, at: 0 })
}

fn value(reader: &mut Reader<'_>) -> RedisResult<Value> {
    let start = reader.at;
    let (kind, line) = reader.line()?.ok_or_else(damaged)?;
    Ok(match kind {
        b'+' if line == b"OK" => Value::Okay,
        b'+' => Value::SimpleString(String::from_utf8_lossy(line).into_owned()),
        b':' => Value::Int(number(line)?),
        // The driver knows its errors by name.
        b'-' => redis::parse_redis_value(&reader.bytes[start..reader.at])?,
        b'$' => match length(line)? {
            None => Value::Nil,
            Some(length) => Value::BulkString(reader.text(length)?.to_vec()),
        },
        b'*' => match length(line)? {
            None => Value::Nil,
            Some(elements) => {
                // It has been measured: there are as many.
                let mut array = Vec::with_capacity(elements.min(reader.bytes.len()));
                for _ in 0..elements {
                    array.push(value(reader)?);
                }
                Value::Array(array)
            }
        },
        _ => return Err(damaged().into()),
    })
}

/// The elements of an answer that is a list of texts, as far as each is UTF-8. They are not copied.
pub(crate) fn texts(whole: &[u8]) -> io::Result<Vec<Result<&str, Utf8Error>>> {
    let mut reader = Reader { bytes: whole, at: 0 };
    let (b'*', line) = reader.line()?.ok_or_else(damaged)? else { return Err(damaged()) };
    let elements = length(line)?.ok_or_else(damaged)?;
    // Looking at all of it at once takes a fraction of the time of looking at each.
    let valid = str::from_utf8(whole).ok();
    // It has been measured: there are as many.
    let mut texts = Vec::with_capacity(elements.min(whole.len()));
    for _ in 0..elements {
        let (b'$', line) = reader.line()?.ok_or_else(damaged)? else { return Err(damaged()) };
        let start = reader.at;
        let text = reader.text(length(line)?.ok_or_else(damaged)?)?;
        let part = valid.and_then(|valid| valid.get(start..start + text.len()));
        texts.push(part.map_or_else(|| str::from_utf8(text), Ok));
    }
    Ok(texts)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn text(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or_else(damaged)?;
        let text = self.bytes.get(self.at..end).ok_or_else(damaged)?;
        self.at = end + 2;
        Ok(text)
    }

    /// The next line, without its end: its first byte, and the rest.
    fn line(&mut self) -> io::Result<Option<(u8, &'a [u8])>> {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\r') else { return Ok(None) };
        match rest.get(end + 1) {
            None => return Ok(None),
            Some(b'\n') => {}
            Some(_) => return Err(damaged()),
        }
        let (kind, line) = rest[..end].split_first().ok_or_else(damaged)?;
        self.at += end + 2;
        Ok(Some((*kind, line)))
    }
}

/// `None` for what is not there, written as -1.
fn length(line: &[u8]) -> io::Result<Option<usize>> {
    if line == b"-1" {
        return Ok(None);
    }
    usize::try_from(number(line)?).map(Some).map_err(|_| damaged())
}

fn number(line: &[u8]) -> io::Result<i64> {
    let (digits, sign) = match line.strip_prefix(b"-") {
        Some(digits) => (digits, -1),
        None => (line, 1),
    };
    let append = |number: i64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(sign * digit)
    };
    let number = digits.iter().try_fold(0, append);
    number.filter(|_| !digits.is_empty()).ok_or_else(damaged)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what answers does not speak Redis's protocol")
}
