//! The grammar of `Sec-WebSocket-Extensions`, as `ws` reads it.

use std::borrow::Cow;

use offloop_protocol::{Extension, ExtensionError, Param, format_extensions, parse_extensions};

fn extension<'a>(name: &'a str, params: &[(&'a str, Option<&'a str>)]) -> Extension<'a> {
    let param = |&(name, value): &(&'a str, Option<&'a str>)| Param {
        name,
        value: value.map(Cow::Borrowed),
    };
    Extension { name, params: params.iter().map(param).collect() }
}

#[test]
fn reads_names_parameters_and_values() {
    let cases: [(&str, &[Extension<'_>]); 12] = [
        ("foo", &[extension("foo", &[])]),
        ("foo,\t bar ,baz", &[extension("foo", &[]), extension("bar", &[]), extension("baz", &[])]),
        ("foo, foo", &[extension("foo", &[]), extension("foo", &[])]),
        ("foo;bar", &[extension("foo", &[("bar", None)])]),
        ("foo ; bar=1 ;\tbaz", &[extension("foo", &[("bar", Some("1")), ("baz", None)])]),
        (
            "foo;bar;bar=2;bar",
            &[extension("foo", &[("bar", None), ("bar", Some("2")), ("bar", None)])],
        ),
        ("foo;bar=\"1\"", &[extension("foo", &[("bar", Some("1"))])]),
        ("foo;bar=\"1\" , a", &[extension("foo", &[("bar", Some("1"))]), extension("a", &[])]),
        ("foo;bar=\"\\1\\0a\"", &[extension("foo", &[("bar", Some("10a"))])]),
        ("foo;bar=\"b\\a\";c", &[extension("foo", &[("bar", Some("ba")), ("c", None)])]),
        (
            "__proto__;constructor=toString",
            &[extension("__proto__", &[("constructor", Some("toString"))])],
        ),
        ("!#$%&'*+-.^_`|~1aA", &[extension("!#$%&'*+-.^_`|~1aA", &[])]),
    ];
    for (header, expected) in cases {
        assert_eq!(parse_extensions(header).unwrap(), expected, "{header}");
    }
}

#[test]
fn refuses_what_is_no_list_and_says_where() {
    let cases = [
        (" foo", 0),
        ("\tfoo", 0),
        (",foo", 0),
        ("foo,,bar", 4),
        ("foo ,;bar", 5),
        ("foo bar", 4),
        ("foo;;bar", 4),
        ("foo;=bar", 4),
        ("foo;bar baz", 8),
        ("foo;bar =1", 8),
        ("foo;bar= 1", 8),
        ("foo;bar==1", 8),
        ("foo;bar=,a", 8),
        ("foo;bar=\"\"", 9),
        ("foo;bar=\"1 2\"", 10),
        ("foo;bar=\"1,2\"", 10),
        ("foo;bar=\"\\\"1\"", 10),
        ("foo;bar=\"\\\\\"", 10),
        ("foo;bar=\"1\"2", 11),
        ("foo;bar=1\"", 9),
        ("f\u{e9}o", 1),
        ("foo\0", 3),
        ("foo@", 3),
    ];
    for (header, index) in cases {
        let expected = Err(ExtensionError::UnexpectedCharacter(index));
        assert_eq!(parse_extensions(header), expected, "{header}");
    }
}

#[test]
fn refuses_a_list_that_stops_early() {
    for header in [
        "",
        "foo ",
        "foo\t",
        "foo,",
        "foo, ",
        "foo;",
        "foo; ",
        "foo;bar ",
        "foo;bar=",
        "foo;bar=1 ",
        "foo;bar=\"",
        "foo;bar=\"1",
        "foo;bar=\"1\\",
        "foo;bar=\"1\" ",
    ] {
        assert_eq!(parse_extensions(header), Err(ExtensionError::UnexpectedEnd), "{header}");
    }
}

#[test]
fn error_texts_are_those_of_ws() {
    let text = |header| parse_extensions(header).unwrap_err().to_string();
    assert_eq!(text("foo,,bar"), "Unexpected character at index 4");
    assert_eq!(text("foo;"), "Unexpected end of input");
}

#[test]
fn long_headers_take_linear_time() {
    // Quadratic work on these would take hours.
    let size = 400_000;
    let blanks = format!("a{}b", " ".repeat(size));
    assert!(parse_extensions(&blanks).is_err());
    let escapes = format!("a;b=\"{}\"", "\\a".repeat(size));
    assert_eq!(
        parse_extensions(&escapes).unwrap()[0].params[0].value.as_ref().unwrap().len(),
        size
    );
    let offers = format!("a{}", ",a".repeat(size));
    assert_eq!(parse_extensions(&offers).unwrap().len(), size + 1);
    let params = format!("a{}", ";b=1".repeat(size));
    assert_eq!(parse_extensions(&params).unwrap()[0].params.len(), size);
}

#[test]
fn what_is_formatted_is_read_back() {
    let list = [
        extension("foo", &[("bar", None), ("baz", Some("10"))]),
        extension("foo", &[]),
        extension("qux", &[("a", Some("b"))]),
    ];
    let header = format_extensions(&list);
    assert_eq!(header, "foo; bar; baz=10, foo, qux; a=b");
    assert_eq!(parse_extensions(&header).unwrap(), list);
    assert_eq!(format_extensions(&[]), "");
}
