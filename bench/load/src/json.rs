//! JSON texts of a given size, as an application might send them: the same keys in each, values
//! that differ. The same index gives the same text in every run.

use std::fmt::Write;

const USERS: [&str; 8] = ["ada", "björn", "chiara", "dmitri", "elif", "farah", "guðrún", "haruki"];
const EVENTS: [&str; 5] = ["created", "updated", "viewed", "removed", "shared"];
const WORDS: [&str; 16] = [
    "invoice", "shipment", "reader", "account", "payment", "delayed", "ready", "north", "harbour",
    "station", "urgent", "sample", "morning", "archive", "signal", "copper",
];

/// The `index`th text, `size` bytes long.
pub(crate) fn text(index: usize, size: usize) -> String {
    let mut random = Random(0x2545_f491_4f6c_dd1d ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9));
    let mut text = format!(r#"{{"batch":{index},"items":["#);
    loop {
        let item = item(&mut random);
        // What is left after the last item becomes one padded string.
        if text.len() + item.len() + TAIL_BYTES > size {
            break;
        }
        text.push_str(&item);
        text.push(',');
    }
    text.push_str(r#"{"note":""#);
    while text.len() + END.len() < size {
        text.push(char::from(b'a' + random.below(26).to_le_bytes()[0]));
    }
    text.push_str(END);
    text
}

const END: &str = r#""}]}"#;
/// The longest that may follow the last item.
const TAIL_BYTES: usize = 32;

fn item(random: &mut Random) -> String {
    let mut item = String::new();
    let user = random.pick(&USERS);
    let event = random.pick(&EVENTS);
    let (id, time, price) = (random.below(1 << 32), random.below(1 << 20), random.below(100_000));
    // Writing to a string cannot fail.
    let _ = write!(
        item,
        r#"{{"id":"{id:08x}","user":"{user}","event":"{event}","time":{},"price":{}.{:02},"text":"{} {} {}"}}"#,
        1_795_000_000_u64 + time,
        price / 100,
        price % 100,
        random.pick(&WORDS),
        random.pick(&WORDS),
        random.pick(&WORDS),
    );
    item
}

/// Numbers that only have to look different (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let index = self.below(words.len() as u64);
        words[usize::try_from(index).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn texts_have_their_size_and_differ() {
        let texts: Vec<String> = (0..300).map(|index| text(index, 1024)).collect();
        for (index, one) in texts.iter().enumerate() {
            assert_eq!(one.len(), 1024);
            assert_eq!(*one, text(index, 1024));
            assert!(texts[index + 1..].iter().all(|other| other != one));
        }
    }
}
