//! Writes small databases in MaxMind's format, version 2.0, from the specification: <https://maxmind.github.io/MaxMind-DB/>.

use std::net::IpAddr;

/// A value of an entry.
#[derive(Clone)]
pub(crate) enum Value {
    Map(Vec<(&'static str, Value)>),
    Text(String),
    Double(f64),
    U16(u16),
    U32(u32),
    U64(u64),
    Bool(bool),
    Array(Vec<Value>),
}

/// One side of a node.
#[derive(Clone, Copy)]
enum Side {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A database of these networks, none of which holds another; IPv4 stands at `::/96`, as the specification has it.
pub(crate) fn database(networks: &[(String, Value)]) -> Vec<u8> {
    of_version(6, networks)
}

/// A database of addresses of IPv4 or of both versions.
pub(crate) fn of_version(version: u16, networks: &[(String, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Side::Nothing; 2]];
    let mut data = Vec::new();
    for (cidr, value) in networks {
        let (bits, length) = bits(cidr);
        let (bits, length) = if version == 4 { (bits << 96, length - 96) } else { (bits, length) };
        let offset = data.len();
        write(value, &mut data);
        insert(&mut nodes, bits, length, offset);
    }
    let mut file = Vec::new();
    let count = nodes.len();
    for side in nodes.iter().flatten() {
        let record = match *side {
            Side::Nothing => count,
            Side::Node(node) => node,
            Side::Data(offset) => count + 16 + offset,
        };
        file.extend_from_slice(&u32::try_from(record).unwrap().to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    write(&metadata(version, count), &mut file);
    file
}

fn metadata(version: u16, nodes: usize) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_772_353_800)),
        ("database_type", Value::Text("Countersign-Test".to_owned())),
        ("description", Value::Map(vec![("en", Value::Text("for tests".to_owned()))])),
        ("ip_version", Value::U16(version)),
        ("languages", Value::Array(vec![Value::Text("en".to_owned())])),
        ("node_count", Value::U32(u32::try_from(nodes).unwrap())),
        ("record_size", Value::U16(24)),
    ])
}

/// A network's bits from the left of 128, and how many of them count.
fn bits(cidr: &str) -> (u128, u32) {
    let (address, length) = cidr.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    match address.parse().unwrap() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 96 + length),
        IpAddr::V6(v6) => (v6.to_bits(), length),
    }
}

fn insert(nodes: &mut Vec<[Side; 2]>, bits: u128, length: u32, offset: usize) {
    let mut node = 0;
    for depth in 0..length {
        let side = usize::from(bits >> (127 - depth) & 1 == 1);
        if depth + 1 == length {
            assert!(matches!(nodes[node][side], Side::Nothing), "networks overlap");
            nodes[node][side] = Side::Data(offset);
            return;
        }
        node = match nodes[node][side] {
            Side::Node(next) => next,
            Side::Nothing => {
                nodes.push([Side::Nothing; 2]);
                let next = nodes.len() - 1;
                nodes[node][side] = Side::Node(next);
                next
            }
            Side::Data(_) => panic!("networks overlap"),
        };
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Map(fields) => {
            control(7, fields.len(), out);
            for (name, value) in fields {
                write(&Value::Text((*name).to_owned()), out);
                write(value, out);
            }
        }
        Value::Text(text) => {
            control(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Double(number) => number_of(3, &number.to_be_bytes(), out),
        Value::U16(number) => number_of(5, &number.to_be_bytes(), out),
        Value::U32(number) => number_of(6, &number.to_be_bytes(), out),
        Value::U64(number) => number_of(9, &number.to_be_bytes(), out),
        Value::Bool(yes) => control(14, usize::from(*yes), out),
        Value::Array(values) => {
            control(11, values.len(), out);
            for value in values {
                write(value, out);
            }
        }
    }
}

fn number_of(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    control(kind, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Type and size: three bits and five, with a byte more for the types from 8 on and one more for sizes from 29 on.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (low, more) = if size < 29 { (size, None) } else { (29, Some(size - 29)) };
    let low = u8::try_from(low).unwrap();
    if kind < 8 {
        out.push(kind << 5 | low);
    } else {
        out.extend_from_slice(&[low, kind - 7]);
    }
    out.extend(more.map(|more| u8::try_from(more).unwrap()));
}
