//! The stack machine.

use super::bytes::Bytes;
use super::{Allowed, Node, Pickle, PickleError, Reference, Role};
use crate::text::shown;
use std::collections::HashMap;

/// The highest protocol there is.
const NEWEST_PROTOCOL: u8 = 5;

/// Reads the pickle at the beginning of `bytes`; what comes behind it is left alone.
///
/// # Errors
///
/// [`PickleError`] where it names anything but what is `allowed`, and where it is damaged.
pub fn read(bytes: &[u8], allowed: &[Allowed]) -> Result<Pickle, PickleError> {
    let mut machine = Machine {
        input: Bytes::new(bytes),
        allowed,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        let at = machine.input.at();
        let code = machine.input.byte()?;
        if code == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle {
                nodes: machine.nodes,
                root,
                length: machine.input.at(),
            });
        }
        machine.step(code, at)?;
    }
}

struct Machine<'a> {
    input: Bytes<'a>,
    allowed: &'a [Allowed],
    nodes: Vec<Node>,
    stack: Vec<Reference>,
    /// The heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Reference>,
}

type Step = Result<(), PickleError>;

impl Machine<'_> {
    /// One instruction.
    fn step(&mut self, code: u8, at: usize) -> Step {
        match code {
            0x80 => self.protocol(),
            // A frame: a length that tells a reader how much to fetch.
            0x95 => self.input.take(8).map(|_| ()),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop_or_mark(),
            b'1' => self.since_mark().map(|_| ()),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Boolean(true)),
            0x89 => self.push(Node::Boolean(false)),
            b'I' | b'J' | b'K' | b'M' | b'L' | 0x8a | 0x8b | b'F' | b'G' => self.number(code),
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d => self.text(code),
            b'B' | b'C' | 0x8e | 0x96 => self.bytes(code),
            b')' | b't' | 0x85..=0x87 => self.tuple(code),
            b']' | b'l' | b'a' | b'e' | 0x8f | 0x90 | 0x91 => self.list(code),
            b'}' | b'd' | b's' | b'u' => self.dictionary(code),
            b'c' | b'i' | 0x93 => self.global(code),
            b'R' | 0x81 => self.call(),
            b'b' => self.build(),
            b'P' | b'Q' => self.persistent(code),
            b'g' | b'h' | b'j' => self.get(code),
            b'p' | b'q' | b'r' | 0x94 => self.put(code),
            code => Err(PickleError::Opcode { code, at }),
        }
    }

    fn damaged<T>(&self, reason: &'static str) -> Result<T, PickleError> {
        Err(self.input.damaged(reason))
    }

    fn protocol(&mut self) -> Step {
        match self.input.byte()? {
            0..=NEWEST_PROTOCOL => Ok(()),
            _ => self.damaged("its protocol is not one of 0 to 5"),
        }
    }

    fn push(&mut self, node: Node) -> Step {
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
        Ok(())
    }

    /// The height that instructions may not go below.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Reference, PickleError> {
        match self.stack.last() {
            Some(&top) if self.stack.len() > self.floor() => Ok(top),
            _ => self.damaged("an instruction finds nothing on the stack"),
        }
    }

    fn pop(&mut self) -> Result<Reference, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_or_mark(&mut self) -> Step {
        match self.marks.last() {
            Some(&mark) if mark == self.stack.len() => {
                self.marks.pop();
                Ok(())
            }
            _ => self.pop().map(|_| ()),
        }
    }

    /// What was pushed since the last mark, which goes too.
    fn since_mark(&mut self) -> Result<Vec<Reference>, PickleError> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.damaged("an instruction finds no mark on the stack"),
        }
    }

    fn number(&mut self, code: u8) -> Step {
        let node = match code {
            b'J' => Node::Integer(i64::from(i32::from_le_bytes(self.input.array()?))),
            b'K' => Node::Integer(i64::from(self.input.byte()?)),
            b'M' => Node::Integer(i64::from(u16::from_le_bytes(self.input.array()?))),
            b'G' => Node::Real(f64::from_be_bytes(self.input.array()?)),
            0x8a => long(self.input.counted(1)?),
            0x8b => long(self.input.counted(4)?),
            b'F' => match self.input.line()?.trim().parse() {
                Ok(number) => Node::Real(number),
                Err(_) => return self.damaged("a number that is none"),
            },
            // `I01` and `I00` are the truth values of protocols 0 and 1.
            _ => match (code, self.input.line()?.trim()) {
                (b'I', "01") => Node::Boolean(true),
                (b'I', "00") => Node::Boolean(false),
                (_, digits) => match digits.trim_end_matches('L').parse() {
                    Ok(number) => Node::Integer(number),
                    Err(_) => return self.damaged("an integer that is none, or beyond 64 bits"),
                },
            },
        };
        self.push(node)
    }

    fn text(&mut self, code: u8) -> Step {
        let bytes = match code {
            b'S' => {
                let line = self.input.line()?.trim();
                let mut quotes = ['\'', '"'].into_iter();
                let inner = quotes.find_map(|quote| line.strip_prefix(quote)?.strip_suffix(quote));
                match inner {
                    Some(inner) => inner.as_bytes(),
                    None => return self.damaged("a text without quotes"),
                }
            }
            b'V' => self.input.line()?.as_bytes(),
            b'U' | 0x8c => self.input.counted(1)?,
            0x8d => self.input.counted(8)?,
            _ => self.input.counted(4)?,
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Node::Text(text.into())),
            // Strings of Python 2 may be bytes.
            Err(_) if matches!(code, b'T' | b'U') => self.push(Node::Bytes(bytes.len())),
            Err(_) => self.damaged("a text that is not UTF-8"),
        }
    }

    fn bytes(&mut self, code: u8) -> Step {
        let width = match code {
            b'C' => 1,
            b'B' => 4,
            _ => 8,
        };
        let length = self.input.counted(width)?.len();
        self.push(Node::Bytes(length))
    }

    fn tuple(&mut self, code: u8) -> Step {
        let items = match code {
            b')' => Vec::new(),
            b't' => self.since_mark()?,
            code => {
                let count = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(count);
                match start.filter(|&start| start >= self.floor()) {
                    Some(start) => self.stack.split_off(start),
                    None => return self.damaged("a tuple of more than there is"),
                }
            }
        };
        self.push(Node::Tuple(items))
    }

    fn list(&mut self, code: u8) -> Step {
        let items = match code {
            b']' | 0x8f => return self.push(Node::List(Vec::new())),
            b'l' | 0x91 => {
                let items = self.since_mark()?;
                return self.push(Node::List(items));
            }
            b'a' => vec![self.pop()?],
            _ => self.since_mark()?,
        };
        let list = self.top()?;
        match &mut self.nodes[list] {
            Node::List(list) => list.extend(items),
            _ => return self.damaged("something is added to what is no list"),
        }
        Ok(())
    }

    fn dictionary(&mut self, code: u8) -> Step {
        let items = match code {
            b'}' => return self.push(Node::Dictionary(Vec::new())),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            _ => self.since_mark()?,
        };
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return self.damaged("a key without a value");
        }
        let pairs = pairs.iter().map(|&[key, value]| (key, value));
        if code == b'd' {
            let pairs = pairs.collect();
            return self.push(Node::Dictionary(pairs));
        }
        let dictionary = self.top()?;
        match &mut self.nodes[dictionary] {
            Node::Dictionary(entries) => entries.extend(pairs),
            _ => return self.damaged("an entry is put into what is no dictionary"),
        }
        Ok(())
    }

    fn global(&mut self, code: u8) -> Step {
        if code == 0x93 {
            let (name, module) = (self.pop()?, self.pop()?);
            let (Node::Text(module), Node::Text(name)) = (&self.nodes[module], &self.nodes[name])
            else {
                return self.damaged("a name that is no text");
            };
            let place = self.allowed(module, name)?;
            return self.push(Node::Global(place));
        }
        let (module, name) = (self.input.line()?, self.input.line()?);
        let place = self.allowed(module, name)?;
        if code == b'i' {
            // A class of Python 2 made at once, which nothing allowed is.
            return Err(refused(module, name));
        }
        self.push(Node::Global(place))
    }

    /// The place of an allowed name.
    fn allowed(&self, module: &str, name: &str) -> Result<usize, PickleError> {
        let mut allowed = self.allowed.iter();
        let place = allowed.position(|allowed| allowed.module == module && allowed.name == name);
        place.ok_or_else(|| refused(module, name))
    }

    fn call(&mut self) -> Step {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Node::Global(place) = self.nodes[function] else {
            return self.damaged("what is called is no name");
        };
        let Node::Tuple(items) = &self.nodes[arguments] else {
            return self.damaged("what a name is called with is no tuple");
        };
        let allowed = self.allowed[place];
        match allowed.role {
            Role::Word => Err(refused(allowed.module, allowed.name)),
            Role::Call => self.push(Node::Call(place, arguments)),
            Role::Dictionary => {
                let pairs = match items[..] {
                    [] => Vec::new(),
                    [items] => self.pairs(items)?,
                    _ => return self.damaged("a dictionary is made of more than its pairs"),
                };
                self.push(Node::Dictionary(pairs))
            }
        }
    }

    /// The entries of a list of pairs, as Python 2 makes a dictionary of one.
    fn pairs(&self, items: Reference) -> Result<Vec<(Reference, Reference)>, PickleError> {
        let reason = "a dictionary is made of what are no pairs";
        let (Node::List(items) | Node::Tuple(items)) = &self.nodes[items] else {
            return self.damaged(reason);
        };
        let pair = |&item: &Reference| match &self.nodes[item] {
            Node::List(pair) | Node::Tuple(pair) => match pair[..] {
                [key, value] => Ok((key, value)),
                _ => self.damaged(reason),
            },
            _ => self.damaged(reason),
        };
        items.iter().map(pair).collect()
    }

    /// The state of an object: of a dictionary its attributes (PyTorch's `_metadata`), which say nothing of what it
    /// holds and are left out.
    fn build(&mut self) -> Step {
        self.pop()?;
        let object = self.top()?;
        match &self.nodes[object] {
            Node::Dictionary(_) => Ok(()),
            _ => self.damaged("a state is given to what has none"),
        }
    }

    fn persistent(&mut self, code: u8) -> Step {
        let identifier = match code {
            b'Q' => self.pop()?,
            _ => {
                let line = self.input.line()?;
                self.nodes.push(Node::Text(line.into()));
                self.nodes.len() - 1
            }
        };
        self.push(Node::Persistent(identifier))
    }

    /// The number of a place in the memo.
    fn place(&mut self, code: u8) -> Result<u32, PickleError> {
        match code {
            b'h' | b'q' => self.input.byte().map(u32::from),
            b'j' | b'r' => self.input.u32(),
            0x94 => Ok(self.memo.len() as u32),
            _ => {
                let line = self.input.line()?.trim().parse();
                line.or_else(|_| self.damaged("the number of a place is none"))
            }
        }
    }

    fn get(&mut self, code: u8) -> Step {
        let place = self.place(code)?;
        match self.memo.get(&place) {
            Some(&kept) => {
                self.stack.push(kept);
                Ok(())
            }
            None => self.damaged("something is taken out that was not put in"),
        }
    }

    fn put(&mut self, code: u8) -> Step {
        let (place, top) = (self.place(code)?, self.top()?);
        self.memo.insert(place, top);
        Ok(())
    }
}

fn refused(module: &str, name: &str) -> PickleError {
    PickleError::Global {
        module: shown(module),
        name: shown(name),
    }
}

/// An integer by its bytes in two's complement, the lowest first.
fn long(bytes: &[u8]) -> Node {
    if bytes.len() > 8 {
        return Node::LongInteger(bytes.to_vec());
    }
    let sign = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut wide = [if sign { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Node::Integer(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[Allowed] = &[
        Allowed {
            module: "collections",
            name: "OrderedDict",
            role: Role::Dictionary,
        },
        Allowed {
            module: "torch",
            name: "Size",
            role: Role::Call,
        },
        Allowed {
            module: "torch",
            name: "float32",
            role: Role::Word,
        },
    ];

    /// A pickle as text that Python's `repr` could have written.
    fn text(pickle: &Pickle, reference: Reference, depth: usize) -> String {
        let all = |items: &[Reference]| {
            let items: Vec<_> = items
                .iter()
                .map(|&item| text(pickle, item, depth + 1))
                .collect();
            items.join(", ")
        };
        if depth > 5 {
            return "…".to_owned();
        }
        match pickle.node(reference) {
            Node::None => "None".to_owned(),
            Node::Boolean(value) => value.to_string(),
            Node::Integer(value) => value.to_string(),
            Node::LongInteger(bytes) => format!("long of {}", bytes.len()),
            Node::Real(value) => format!("{value:?}"),
            Node::Text(text) => format!("{text:?}"),
            Node::Bytes(length) => format!("{length} bytes"),
            Node::Tuple(items) => format!("({})", all(items)),
            Node::List(items) => format!("[{}]", all(items)),
            Node::Dictionary(entries) => {
                let entries = entries.iter();
                let entries: Vec<_> = entries
                    .map(|&(key, value)| {
                        let [key, value] = [key, value].map(|it| text(pickle, it, depth + 1));
                        format!("{key}: {value}")
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            Node::Global(place) => ALLOWED[*place].name.to_owned(),
            Node::Call(place, arguments) => {
                format!(
                    "{}{}",
                    ALLOWED[*place].name,
                    text(pickle, *arguments, depth + 1)
                )
            }
            Node::Persistent(identifier) => {
                format!("<{}>", text(pickle, *identifier, depth + 1))
            }
        }
    }

    fn said(bytes: &[u8]) -> String {
        match read(bytes, ALLOWED) {
            Ok(pickle) => text(&pickle, pickle.root, 0),
            Err(error) => error.to_string(),
        }
    }

    /// `pickle.dumps(value, protocol)` of Python 3.12 for
    /// `{"a": [1, -2, 300, 70000, 2**40, 2.5, True, None], "b": ("x", b"yz", ())}`, and for protocol 4 also
    /// `"c": {1, 2}`.
    #[test]
    fn every_protocol_of_python_is_read() {
        let expected =
            r#"{"a": [1, -2, 300, 70000, 1099511627776, 2.5, true, None], "b": ("x", 2 bytes, ())"#;
        let third = b"\x80\x03}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01G@\x04\x00\x00\x00\x00\x00\x00\x88NeX\x01\x00\x00\x00bq\x03X\x01\x00\x00\x00xq\x04C\x02yzq\x05)\x87q\x06u.";
        assert_eq!(said(third), format!("{expected}}}"));
        let fourth = b"\x80\x04\x95K\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01G@\x04\x00\x00\x00\x00\x00\x00\x88Ne\x8c\x01b\x94\x8c\x01x\x94C\x02yz\x94)\x87\x94\x8c\x01c\x94\x8f\x94(K\x01K\x02\x90u.";
        assert_eq!(said(fourth), format!("{expected}, \"c\": [1, 2]}}"));
        // Protocol 0, of which text is all there is.
        let bytes = b"(dp0\nVa\np1\n(lp2\nI1\naI-2\naL1099511627776L\naF2.5\naI01\naNas.";
        assert_eq!(
            said(bytes),
            r#"{"a": [1, -2, 1099511627776, 2.5, true, None]}"#
        );
    }

    #[test]
    fn a_dictionary_in_order_keeps_its_entries_and_drops_its_attributes() {
        let bytes = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00wK\x07s}X\x09\x00\x00\x00_metadataNsb.";
        assert_eq!(said(bytes), r#"{"w": 7}"#);
        assert_eq!(
            said(b"\x80\x02ctorch\nSize\nK\x02K\x03\x86\x85R."),
            "Size((2, 3))"
        );
        assert_eq!(said(b"\x80\x02K\x01Q."), "<1>");
    }

    #[test]
    fn any_other_name_is_refused_and_said() {
        // os.system("true"), as every introduction to the danger has it.
        assert_eq!(
            said(b"cposix\nsystem\n(S'true'\ntR."),
            "runs code: `posix.system`"
        );
        assert_eq!(
            said(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."),
            "runs code: `builtins.eval`"
        );
        assert_eq!(said(b"(iposix\nsystem\n."), "runs code: `posix.system`");
        // A word that is allowed is not therefore allowed to be called.
        assert_eq!(
            said(b"\x80\x02ctorch\nfloat32\n)R."),
            "runs code: `torch.float32`"
        );
        assert_eq!(
            said(b"\x80\x02\x82\x01."),
            "the pickle has instruction 0x82 at byte 2, which no file of tensors needs"
        );
    }

    #[test]
    fn damage_is_an_error_at_its_place() {
        for (bytes, expected) in [
            (&b""[..], "the pickle ends after 0 bytes, in the middle"),
            (
                b"\x80\x02X\xff\xff\xff\xffab.",
                "the pickle ends after 10 bytes, in the middle",
            ),
            (
                b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xffab.",
                "the pickle ends after 14 bytes, in the middle",
            ),
            (
                b".",
                "the pickle is damaged at byte 1: an instruction finds nothing on the stack",
            ),
            (
                b"\x80\x09N.",
                "the pickle is damaged at byte 2: its protocol is not one of 0 to 5",
            ),
            (
                b"(K\x01t(\x85.",
                "the pickle is damaged at byte 6: a tuple of more than there is",
            ),
            (
                b"}(K\x01u.",
                "the pickle is damaged at byte 5: a key without a value",
            ),
            (
                b"NK\x01a.",
                "the pickle is damaged at byte 4: something is added to what is no list",
            ),
            (
                b"h\x01.",
                "the pickle is damaged at byte 2: something is taken out that was not put in",
            ),
            (
                b"NNb.",
                "the pickle is damaged at byte 3: a state is given to what has none",
            ),
        ] {
            assert_eq!(said(bytes), expected);
        }
    }

    #[test]
    fn a_list_in_itself_is_a_cycle_and_no_loop() {
        let pickle = read(b"]q\x00h\x00a.", ALLOWED).unwrap();
        assert_eq!(pickle.nodes, [Node::List(vec![0])]);
    }
}
