//! The queries of `windowsEventLogs`: `Channel!*[System[(EventID=4624 or EventID=4625) and (Level=4)]]`.
//!
//! Of XPath, what Windows itself allows over the `System` part of an event: comparisons joined by `and`, `or`
//! and parentheses. Everything else is refused by name, because a filter that were half understood would let
//! events through or drop them silently.

use std::fmt;

/// Bytes of one query.
const BYTES_MAX: usize = 8 << 10;
/// Parentheses within each other.
const DEPTH_MAX: usize = 16;

/// What a query looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    pub channel: String,
    pub provider: String,
    pub event_id: u32,
    pub level: u64,
    pub task: u64,
    pub opcode: u64,
    pub keywords: u64,
    pub computer: String,
}

/// A query that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    channel: String,
    condition: Option<Condition>,
}

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRefused {
    /// Byte in the query.
    pub at: usize,
    pub reason: String,
}

impl fmt::Display for QueryRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Number(Field, Operator, u64),
    /// `band(Keywords, n)`: any of these bits.
    Keywords(u64),
    Provider(Operator, String),
    Computer(Operator, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    EventId,
    Level,
    Task,
    Opcode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl EventQuery {
    /// Reads a query.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub fn parse(text: &str) -> Result<Self, QueryRefused> {
        let refuse = |at: usize, reason: &str| QueryRefused { at, reason: reason.to_owned() };
        if text.len() > BYTES_MAX {
            return Err(refuse(BYTES_MAX, "a query is at most 8 KiB long"));
        }
        let Some((channel, rest)) = text.split_once('!') else {
            return Err(refuse(0, "a query is a channel, `!` and an XPath, such as `Security!*`"));
        };
        let channel = channel.trim();
        if channel.is_empty() {
            return Err(refuse(0, "the channel before `!` is missing"));
        }
        let mut reader = Reader { text, at: text.len() - rest.len(), depth: 0 };
        let condition = reader.path()?;
        reader.space();
        if reader.at < text.len() {
            return Err(reader.refuse("nothing is expected behind the query"));
        }
        Ok(Self { channel: channel.to_owned(), condition })
    }

    /// Whether the event is wanted.
    pub fn matches(&self, event: &EventFacts) -> bool {
        self.channel.eq_ignore_ascii_case(&event.channel)
            && self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }
}

impl Condition {
    fn holds(&self, event: &EventFacts) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Number(field, operator, value) => {
                let own = match field {
                    Field::EventId => u64::from(event.event_id),
                    Field::Level => event.level,
                    Field::Task => event.task,
                    Field::Opcode => event.opcode,
                };
                operator.holds(&own, value)
            }
            Self::Keywords(bits) => event.keywords & bits != 0,
            Self::Provider(operator, name) => operator.holds(&event.provider.as_str(), &name.as_str()),
            Self::Computer(operator, name) => operator.holds(&event.computer.as_str(), &name.as_str()),
        }
    }
}

impl Operator {
    fn holds<T: PartialOrd>(self, own: &T, value: &T) -> bool {
        match self {
            Self::Equal => own == value,
            Self::NotEqual => own != value,
            Self::Less => own < value,
            Self::LessOrEqual => own <= value,
            Self::Greater => own > value,
            Self::GreaterOrEqual => own >= value,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn refuse(&self, reason: impl Into<String>) -> QueryRefused {
        QueryRefused { at: self.at, reason: reason.into() }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), QueryRefused> {
        if self.take(token) { Ok(()) } else { Err(self.refuse(format!("`{token}` is expected"))) }
    }

    /// A word of letters, which must not go on.
    fn word(&mut self, word: &str) -> bool {
        let before = self.at;
        let whole = self.take(word) && !self.rest().starts_with(|c: char| c.is_ascii_alphanumeric());
        if !whole {
            self.at = before;
        }
        whole
    }

    /// `*`, `*[System[…]]` or `Event[System[…]]`.
    fn path(&mut self) -> Result<Option<Condition>, QueryRefused> {
        if !self.take("*") && !self.word("Event") {
            return Err(self.refuse("`*` is expected"));
        }
        if !self.take("[") {
            return Ok(None);
        }
        if !self.word("System") {
            let reason = "only conditions on `System` are supported; filter event data with a transformation";
            return Err(self.refuse(reason));
        }
        let condition = if self.take("[") {
            let condition = self.any()?;
            self.expect("]")?;
            Some(condition)
        } else {
            let reason = "`System[…]` is expected";
            return Err(self.refuse(reason));
        };
        self.expect("]")?;
        Ok(condition)
    }

    fn any(&mut self) -> Result<Condition, QueryRefused> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        Ok(Condition::Any(parts))
    }

    fn all(&mut self) -> Result<Condition, QueryRefused> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(Condition::All(parts))
    }

    fn one(&mut self) -> Result<Condition, QueryRefused> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(self.refuse("the parentheses are too deep"));
            }
            let inner = self.any()?;
            self.expect(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        if self.word("band") {
            self.expect("(")?;
            if !self.word("Keywords") {
                return Err(self.refuse("`band` takes `Keywords`"));
            }
            self.expect(",")?;
            let bits = self.number()?;
            self.expect(")")?;
            return Ok(Condition::Keywords(bits));
        }
        if self.word("Provider") {
            self.expect("[")?;
            if !self.take("@Name") {
                return Err(self.refuse("`@Name` is expected"));
            }
            let operator = self.operator()?;
            let name = self.quoted()?;
            let mut parts = vec![Condition::Provider(operator, name)];
            while self.word("or") {
                self.expect("@Name")?;
                let operator = self.operator()?;
                parts.push(Condition::Provider(operator, self.quoted()?));
            }
            self.expect("]")?;
            return Ok(Condition::Any(parts));
        }
        if self.word("Computer") {
            let operator = self.operator()?;
            return Ok(Condition::Computer(operator, self.quoted()?));
        }
        let fields = [
            ("EventID", Field::EventId),
            ("Level", Field::Level),
            ("Task", Field::Task),
            ("Opcode", Field::Opcode),
        ];
        for (name, field) in fields {
            if self.word(name) {
                let operator = self.operator()?;
                return Ok(Condition::Number(field, operator, self.number()?));
            }
        }
        let known = "EventID, Level, Task, Opcode, Provider[@Name=…], Computer and band(Keywords, …) are supported here";
        Err(self.refuse(known))
    }

    fn operator(&mut self) -> Result<Operator, QueryRefused> {
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let found = operators.into_iter().find(|(text, _)| self.take(text));
        found.map(|(_, operator)| operator).ok_or_else(|| self.refuse("a comparison is expected"))
    }

    fn number(&mut self) -> Result<u64, QueryRefused> {
        self.space();
        let length = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest()[..length].parse().map_err(|_| self.refuse("a number is expected"))?;
        self.at += length;
        Ok(number)
    }

    fn quoted(&mut self) -> Result<String, QueryRefused> {
        self.space();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.refuse("a quoted text is expected"))?;
        self.at += 1;
        let Some((text, _)) = self.rest().split_once(quote) else {
            return Err(self.refuse("the quote is not closed"));
        };
        let text = text.to_owned();
        self.at += text.len() + 1;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(channel: &str, event_id: u32, level: u64) -> EventFacts {
        let provider = "Microsoft-Windows-Security-Auditing".to_owned();
        let channel = channel.to_owned();
        EventFacts { channel, event_id, level, provider, keywords: 0x10, ..EventFacts::default() }
    }

    #[test]
    fn queries_match() {
        for (query, expected) in [
            ("Security!*", true),
            ("security!*", true),
            ("System!*", false),
            ("Security!*[System[(EventID=4625)]]", true),
            ("Security!*[System[(EventID = 4624 or EventID=4625) and (Level=0 or Level=4)]]", true),
            ("Security!*[System[EventID>=4700]]", false),
            ("Security!*[System[Level=4 and EventID != 4625]]", false),
            ("Security!*[System[Provider[@Name='Microsoft-Windows-Security-Auditing']]]", true),
            ("Security!*[System[Provider[@Name=\"x\" or @Name='y']]]", false),
            ("Security!*[System[band(Keywords,48)]]", true),
            ("Security!Event[System[(EventID=1) or ((EventID=4625))]]", true),
        ] {
            let parsed = EventQuery::parse(query).unwrap_or_else(|why| panic!("{query}: {why}"));
            assert_eq!(parsed.matches(&event("Security", 4625, 4)), expected, "{query}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        for (query, at) in [
            ("Security", 0),
            ("!*", 0),
            ("Security!", 9),
            ("Security!*[EventData[Data='x']]", 11),
            ("Security!*[System]", 17),
            ("Security!*[System[Foo=1]]", 18),
            ("Security!*[System[EventID=]]", 26),
            ("Security!*[System[EventID 1]]", 26),
            ("Security!*[System[(EventID=1]]", 28),
            ("Security!*[System[EventID=1]] x", 30),
            ("Security!*[System[Provider[@Name='x]]]", 34),
            ("Security!*[System[EventID=99999999999999999999]]", 26),
        ] {
            assert_eq!(EventQuery::parse(query).map_err(|why| why.at), Err(at), "{query}");
        }
        let deep = format!("S!*[System[{}", "(".repeat(10_000));
        assert!(EventQuery::parse(&deep).is_err());
    }
}
