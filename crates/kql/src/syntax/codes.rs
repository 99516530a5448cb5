//! The codes of diagnostics, each with what it means and the way out. A number is never reused for another
//! meaning. Codes below `K0010` are limits, below `K0100` the parser's, the others the binder's.

/// A code, for the reference page and for editors that link to it.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    pub meaning: &'static str,
    pub way_out: &'static str,
}

/// Declares the constants and the table together, so that neither can lack an entry.
macro_rules! codes {
    ($($name:ident $code:literal $meaning:literal, $way_out:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code, in the order of the numbers.
        pub const CODES: &[Code] =
            &[$(Code { code: $code, meaning: $meaning, way_out: $way_out },)*];
    };
}

codes! {
    TOO_LONG "K0001" "the text is longer than a query may be", "put long lists into a watchlist or a table and read them from there";
    TOO_DEEP "K0002" "brackets, operators or functions are nested too deeply", "break the query into `let` statements, or a long chain into a list";
    TOO_LARGE "K0003" "the query becomes too large when its functions and `let` values are put in", "materialize a shared part, or use fewer columns";
    INTERNAL "K0004" "the query could not be read because of a mistake in Bartizan", "report it with the query";
    UNKNOWN_CHARACTER "K0010" "a character that means nothing outside of a string", "remove it, or put it into quotes";
    UNCLOSED "K0011" "a string or a literal has no end", "add the closing quote or parenthesis";
    BAD_LITERAL "K0012" "a number, date, time or escape that cannot be read", "write it in one of the documented forms";
    EXPECTED "K0020" "something else should stand here", "the message says what";
    UNEXPECTED "K0021" "this may not stand here, or is not used", "remove it, or move it to where it has an effect";
    UNKNOWN_OPERATOR "K0023" "there is no such tabular operator", "the hint names the closest one";
    UNKNOWN_PARAMETER "K0024" "a setting of an operator has a value it does not take", "the hint lists the values";
    UNKNOWN_TABLE "K0100" "there is no such table", "check the spelling, or use `union isfuzzy=true` when it may be absent";
    UNKNOWN_COLUMN "K0101" "there is no such column at this place", "check which columns the operators before it leave; `column_ifexists` takes absent ones";
    UNKNOWN_FUNCTION "K0102" "there is no such function or plugin", "the hint names the closest one";
    NOT_SCALAR "K0104" "a table stands where a value is needed", "take one value of it with `toscalar()`";
    NOT_TABULAR "K0105" "a value stands where a table is needed", "show a value with `print`";
    DUPLICATE_COLUMN "K0106" "two columns would have the same name", "rename one of them";
    ARGUMENT_COUNT "K0110" "too few or too many arguments or values", "the message shows the forms the function is called in";
    ARGUMENT_TYPE "K0111" "an argument has a type the function does not take", "convert it first, for instance with `tolong()`";
    NOT_BOOL "K0112" "a condition is not bool", "compare it with something, or convert it with `tobool()`";
    DYNAMIC_KEY "K0113" "a dynamic value cannot be a group or sort key", "convert it, for instance with `tostring()`";
    OPERAND_TYPES "K0114" "an operator is not defined for these types", "convert one side";
    AGGREGATE_PLACE "K0115" "an aggregate stands outside of `summarize`, or a plain column inside it", "move it, or group by the column";
    NOT_CONSTANT "K0116" "a constant is needed here", "write a literal, or a `let` value that does not depend on rows";
    UNKNOWN_TYPE "K0117" "there is no such type", "the hint lists the types";
    NOT_SERIALIZED "K0118" "a function looks at other rows, and these have no order", "put `sort by` or `serialize` before it";
    SERIES_STEP "K0119" "a series has no step, or one that leads nowhere", "add `step` and a width above zero, like `step 1h`";
    JOIN_KEY "K0120" "this is not a join condition, or its sides have different types", "name a column both sides have, or write `$left.a == $right.b`";
    JOIN_KIND "K0121" "there is no such kind of join", "the hint lists the kinds";
    ASSERTION_FAILED "K0122" "an `assert` of the query does not hold", "the message is the query's own: change what it checks, or the check";
    BAD_REGEX "K0123" "a regular expression cannot be read, or is too large", "the message says what is wrong; repetitions like `{1000}` make it large";
    RECURSION "K0130" "a function calls itself, or calls are nested too deeply", "functions are put in where they are called and cannot recurse";
    NO_QUERY "K0131" "the text declares names, but asks nothing", "end with an expression, like the name of a table";
    UNSUPPORTED "K0200" "this is known, but not supported", "the message says what; the reference lists what runs";
}
