// SPDX-License-Identifier: Apache-2.0
/**
 * Infenclave in a browser: verifies the enclave that serves a model, encrypts pictures to it, and decrypts its answers.
 *
 * One module without dependencies. It verifies evidence of the development TEE, of AMD SEV-SNP and of AWS Nitro Enclaves
 * with WebCrypto, by the checks and codes of Documentation/attestation-checks.md, and refuses evidence of Intel SGX and TDX, and of Azure.
 * The page that loads it has to come from a party that the user trusts, never from the host of the model: see README.md.
 *
 * @module infenclave
 */

// --- Errors

/**
 * Why there is no answer. `code` is one of `unreachable`, `invalidResponse`, `refused`, `attestationRejected`,
 * `invalidInput`, `unknownToken` and `invalidConfiguration`, as in the Swift library.
 */
export class InfenclaveError extends Error {
  constructor(code, message, { remedy = "", refusal = null, verdict = null } = {}) {
    super(message);
    this.name = "InfenclaveError";
    this.code = code;
    this.remedy = remedy;
    /** The code of a refusal by server or enclave, such as `notProvisioned`; else null. */
    this.refusal = refusal;
    /** Every check, if `code` is `attestationRejected`; else null. */
    this.verdict = verdict;
  }
}

/** Bytes or text that are not in their format. `kind` is `malformed` or `unsupported`. */
class FormatFault extends Error {
  constructor(message, kind = "malformed") {
    super(message);
    this.kind = kind;
  }

  get reason() {
    return this.kind === "malformed" ? "malformed" : "unsupported_format";
  }
}

/** Ends a stage of an appraisal; the log has the reason. */
class Rejection extends Error {}

/** Runs a parser. An error other than a FormatFault is a defect, and is thrown again. */
async function parsed(parse) {
  try {
    return [await parse(), null];
  } catch (error) {
    if (error instanceof FormatFault) return [null, error];
    throw error;
  }
}

// --- Bytes

const encoder = new TextEncoder();
const utf8 = (text) => encoder.encode(text);

/** @returns {string} text of bytes that have to be UTF-8 */
function textOf(bytes, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatFault(`${what} is not UTF-8`);
  }
}

function concatenated(...parts) {
  const all = parts.map((part) => (typeof part === "number" ? Uint8Array.of(part) : part));
  const result = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of all) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

const sameBytes = (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]);
const isZero = (bytes) => bytes.every((byte) => byte === 0);

/** Lower-case hexadecimal digits, two for each byte. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @returns {Uint8Array|null} null for anything but an even number of hexadecimal digits */
function unhex(text) {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => parseInt(text.slice(2 * index, 2 * index + 2), 16));
}

/** @returns {Uint8Array|null} null for anything but canonical base64 with padding */
function unbase64(text) {
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  const binary = atob(text);
  return btoa(binary) === text ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : null;
}

function littleEndian(byteCount, value) {
  let rest = BigInt(value);
  return Uint8Array.from({ length: byteCount }, () => {
    const byte = Number(rest & 255n);
    rest >>= 8n;
    return byte;
  });
}

/** Reads the fields of a layout in order. Every length is checked, and `finish` refuses remaining bytes. */
class Reader {
  constructor(bytes, what) {
    this.bytes = bytes;
    this.what = what;
    this.offset = 0;
  }

  get remaining() {
    return this.bytes.length - this.offset;
  }

  take(count, field) {
    if (count > this.remaining) {
      throw new FormatFault(`${this.what}: ${field} needs ${count} bytes, ${this.remaining} are left`);
    }
    this.offset += Number(count);
    return this.bytes.subarray(this.offset - Number(count), this.offset);
  }

  /** A whole number of at most 4 bytes, little-endian. */
  number(byteCount, field) {
    return this.take(byteCount, field).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** A whole number of 8 bytes, little-endian. */
  wide(field) {
    return this.take(8, field).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** A whole number of at most 4 bytes, big-endian. */
  bigEndian(byteCount, field) {
    return this.take(byteCount, field).reduce((value, byte) => value * 256 + byte, 0);
  }

  double(field) {
    const bytes = this.take(8, field);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  zeros(count, field) {
    if (!isZero(this.take(count, field))) throw new FormatFault(`${this.what}: ${field} is not zero`);
  }

  finish() {
    if (this.remaining > 0) throw new FormatFault(`${this.what}: ${this.remaining} bytes are left over`);
  }
}

function requireLength(bytes, what, least, most = least) {
  if (bytes.length >= least && bytes.length <= most) return;
  throw new FormatFault(
    `${what} has ${bytes.length} bytes; expected ${least === most ? least : `${least} to ${most}`}`);
}

// --- WebCrypto

const subtle = globalThis.crypto?.subtle;
const digest = async (name, bytes) => new Uint8Array(await subtle.digest(name, bytes));
const sha256 = (bytes) => digest("SHA-256", bytes);
const sha512 = (bytes) => digest("SHA-512", bytes);

/** Verifies with a key that may be malformed: then the signature is invalid. */
async function holds(verification) {
  try {
    return await verification();
  } catch {
    return false;
  }
}

function ed25519Holds(signature, message, publicKey) {
  return holds(async () => {
    const key = await subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return subtle.verify("Ed25519", key, signature, message);
  });
}

// --- JSON in which no object names a member twice (RFC 8259)

/** A number as written in the text: policies and manifests contain whole numbers in canonical form only. */
class JSONNumber {
  constructor(text) {
    this.text = text;
  }
}

/** An object's members, by name, in their order. */
class JSONMembers extends Map {}

/**
 * Reads JSON into strings, booleans, null, arrays, `JSONNumber` and `JSONMembers`. Open brackets are kept in a list, so that
 * no nesting can exhaust the stack.
 */
function readJSON(bytes, name) {
  const text = textOf(bytes, name);
  let position = 0;
  const fail = (message) => {
    throw new FormatFault(`${name} ${message} at character ${position}`);
  };
  const skipSpace = () => {
    while (position < text.length && " \t\n\r".includes(text[position])) position += 1;
  };
  const take = (character) => {
    skipSpace();
    if (text[position] !== character) return false;
    position += 1;
    return true;
  };
  const string = () => {
    skipSpace();
    if (text[position] !== '"') fail("has no text");
    const start = position;
    for (position += 1; text[position] !== '"'; position += text[position] === "\\" ? 2 : 1) {
      if (position >= text.length) fail("has text without an end");
    }
    position += 1;
    let value;
    try {
      value = JSON.parse(text.slice(start, position));
    } catch {
      fail("has text with an unknown escape or a control character");
    }
    if (/\p{Surrogate}/u.test(value)) fail("has an escape that is no character");
    return value;
  };
  const scalar = () => {
    for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
      if (!text.startsWith(word, position)) continue;
      position += word.length;
      return value;
    }
    const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
    number.lastIndex = position;
    const match = number.exec(text) ?? fail("has no value");
    position = number.lastIndex;
    return new JSONNumber(match[0]);
  };
  const member = (object) => {
    const key = string();
    if (object.has(key)) fail(`names the member '${key.slice(0, 80)}' twice in one object`);
    if (!take(":")) fail("lacks ':'");
    object.set(key, undefined);
    return key;
  };

  let root;
  /** An open object, with the name of the member whose value follows, or an open array. */
  const open = [];
  const add = (value) => {
    const last = open.at(-1);
    if (!last) root = value;
    else if (last.container instanceof JSONMembers) last.container.set(last.key, value);
    else last.container.push(value);
  };
  do {
    skipSpace();
    if (take("{")) {
      const object = new JSONMembers();
      add(object);
      if (!take("}")) {
        open.push({ container: object, key: member(object) });
        continue;
      }
    } else if (take("[")) {
      const array = [];
      add(array);
      if (!take("]")) {
        open.push({ container: array });
        continue;
      }
    } else if (text[position] === '"') {
      add(string());
    } else {
      add(scalar());
    }
    while (open.length > 0) {
      const last = open.at(-1);
      const isObject = last.container instanceof JSONMembers;
      if (take(",")) {
        if (isObject) last.key = member(last.container);
        break;
      }
      if (!take(isObject ? "}" : "]")) fail(`lacks '${isObject ? "}" : "]"}'`);
      open.pop();
    }
  } while (open.length > 0);
  skipSpace();
  if (position < text.length) fail("has text after its end");
  return root;
}

/** Readers of JSON values; each throws a FormatFault that names the member. */
const json = {
  object(value, name) {
    if (!(value instanceof JSONMembers)) throw new FormatFault(`${name} is not an object`);
    return value;
  },
  array(value, name) {
    if (!Array.isArray(value)) throw new FormatFault(`${name} is not an array`);
    return value;
  },
  string(value, name) {
    if (typeof value !== "string") throw new FormatFault(`${name} is not a string`);
    return value;
  },
  boolean(value, name) {
    if (typeof value !== "boolean") throw new FormatFault(`${name} is neither true nor false`);
    return value;
  },
  /** A 64-bit whole number; a BigInt where a Number is not exact. */
  integer(value, name) {
    if (value instanceof JSONNumber && /^(0|-?[1-9][0-9]*)$/.test(value.text)) {
      const exact = BigInt(value.text);
      if (BigInt.asIntN(64, exact) === exact) {
        return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
      }
    }
    throw new FormatFault(`${name} is not a whole number`);
  },
  natural(value, name) {
    const number = json.integer(value, name);
    if (number < 0) throw new FormatFault(`${name} is negative`);
    return number;
  },
  number(value, name) {
    const number = value instanceof JSONNumber ? Number(value.text) : NaN;
    if (!Number.isFinite(number)) throw new FormatFault(`${name} is not a number`);
    return number;
  },
  hex(value, name, count = null) {
    const bytes = unhex(json.string(value, name));
    if (!bytes || (count !== null && bytes.length !== count)) {
      throw new FormatFault(`${name} is not hexadecimal${count === null ? "" : ` of ${count} bytes`}`);
    }
    return bytes;
  },
  member(object, key, name) {
    if (!object.has(key)) throw new FormatFault(`${name} has no member '${key}'`);
    return object.get(key);
  },
  refuseMembers(object, known, name) {
    const unknown = [...object.keys()].filter((key) => !known.includes(key)).sort()[0];
    if (unknown !== undefined) throw new FormatFault(`${name} has an unknown member '${unknown}'`);
  },
};

// --- Time

/** The time in ISO 8601, UTC, from whole seconds since 1970. */
function timeText(seconds) {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  // Civil date from days, on years that start in March, so that the leap day comes last.
  const era = Math.floor((days + 719_468) / 146_097);
  const dayOfEra = days + 719_468 - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const padded = (value, width = 2) => String(value).padStart(width, "0");
  return `${padded(year, 4)}-${padded(month)}-${padded(day)}`
    + `T${padded(Math.floor(rest / 3600))}:${padded(Math.floor(rest / 60) % 60)}:${padded(rest % 60)}Z`;
}

/** Seconds since 1970 of a date of the Gregorian calendar in UTC; null for one that does not exist. */
function secondsOf(year, month, day, hour, minute, second) {
  if (year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return null;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (day < 1 || day > lengths[month - 1]) return null;
  const before = year - 1;
  const days = before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
    + lengths.slice(0, month - 1).reduce((sum, length) => sum + length, 0) + day - 1;
  // 719162 days lie between 0001-01-01 and 1970-01-01.
  return ((days - 719_162) * 24 + hour) * 3600 + minute * 60 + second;
}

// --- DER and X.509 (RFC 5280)

const TAG = {
  boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, null: 0x05, identifier: 0x06, ia5: 0x16, utcTime: 0x17,
  generalizedTime: 0x18, sequence: 0x30, set: 0x31, context: (number) => 0xa0 | number,
};

/** Object identifiers, as the hexadecimal digits of their content octets. */
const OID = {
  commonName: "550403", keyUsage: "551d0f", basicConstraints: "551d13",
  // Subject key identifier, CRL distribution points, extended key usage: not needed here.
  ignored: ["551d0e", "551d1f", "551d25"],
  ecKey: "2a8648ce3d0201", p256: "2a8648ce3d030107", p384: "2b81040022", rsaKey: "2a864886f70d010101",
  ecdsaSHA256: "2a8648ce3d040302", ecdsaSHA384: "2a8648ce3d040303", rsaPSS: "2a864886f70d01010a",
  mgf1: "2a864886f70d010108", sha384: "608648016503040202",
  // AMD 57230, VCEK Certificate and KDS Interface.
  amd: "2b060104019c7801",
};

/** Reads the elements of DER bytes (X.690) one after another. It parses only the requested elements. */
class DERReader {
  constructor(bytes) {
    this.rest = bytes;
  }

  get isAtEnd() {
    return this.rest.length === 0;
  }

  get nextTag() {
    return this.rest[0];
  }

  element(tag = null, what = "an element") {
    const bytes = this.rest;
    if (tag !== null && bytes[0] !== tag) throw new FormatFault(`${what} is missing or of another type`);
    if (bytes.length < 2 || (bytes[0] & 0x1f) === 0x1f) throw new FormatFault("DER is cut off or has a long tag");
    let header = 2;
    let count = bytes[1];
    if (count >= 0x80) {
      const digits = count & 0x7f;
      if (digits < 1 || digits > 4 || bytes.length < 2 + digits) {
        throw new FormatFault("DER has a length of an unknown form");
      }
      count = bytes.subarray(2, 2 + digits).reduce((value, byte) => value * 256 + byte, 0);
      if (count < 0x80 || bytes[2] === 0) throw new FormatFault("DER has a length that is not in its shortest form");
      header += digits;
    }
    if (count > bytes.length - header) throw new FormatFault("DER ends early");
    const end = header + count;
    this.rest = bytes.subarray(end);
    return { tag: bytes[0], content: bytes.subarray(header, end), encoded: bytes.subarray(0, end) };
  }

  optional(tag) {
    return this.nextTag === tag ? this.element() : null;
  }

  inside(tag, what) {
    return new DERReader(this.element(tag, what).content);
  }

  sequence(what) {
    return this.inside(TAG.sequence, what);
  }

  identifier(what) {
    return hex(this.element(TAG.identifier, what).content);
  }

  /** The content octets of an integer in their shortest form, so that equal numbers are equal octets. */
  integer(what) {
    const content = this.element(TAG.integer, what).content;
    if (content.length === 0) throw new FormatFault(`${what} is an empty integer`);
    if (content.length > 1
      && ((content[0] === 0 && content[1] < 0x80) || (content[0] === 0xff && content[1] >= 0x80))) {
      throw new FormatFault(`${what} is an integer with needless octets`);
    }
    return content;
  }

  /** A number from 0 to 65535. */
  smallInteger(what) {
    const octets = this.integer(what);
    const value = octets.reduce((sum, byte) => sum * 256 + byte, 0);
    if (octets.length > 3 || octets[0] >= 0x80 || value > 0xffff) throw new FormatFault(`${what} is out of range`);
    return value;
  }

  /** A bit string of whole octets. */
  bits(what) {
    const content = this.element(TAG.bits, what).content;
    if (content[0] !== 0) throw new FormatFault(`${what} is not a string of whole octets`);
    return content.subarray(1);
  }

  boolean(what) {
    const content = this.element(TAG.boolean, what).content;
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
      throw new FormatFault(`${what} is not a boolean`);
    }
    return content[0] === 0xff;
  }

  /** UTCTime, whose years are 1950 to 2049, or GeneralizedTime, both in UTC with seconds (RFC 5280, 4.1.2.5). */
  time(what) {
    const element = this.element();
    const yearDigits = element.tag === TAG.utcTime ? 2 : 4;
    const text = String.fromCharCode(...element.content.subarray(0, 32));
    if (![TAG.utcTime, TAG.generalizedTime].includes(element.tag) || element.content.length !== yearDigits + 11
      || !/^[0-9]+Z$/.test(text)) throw new FormatFault(`${what} is not a time`);
    let year = Number(text.slice(0, yearDigits));
    if (yearDigits === 2) year += year < 50 ? 2000 : 1900;
    const rest = [0, 2, 4, 6, 8].map((offset) => Number(text.slice(yearDigits + offset, yearDigits + offset + 2)));
    const time = secondsOf(year, ...rest);
    if (time === null) throw new FormatFault(`${what} is no date`);
    return time;
  }

  finish(what) {
    if (!this.isAtEnd) throw new FormatFault(`${what} has more elements than expected`);
  }
}

/** The signature algorithms of the vendors: ECDSA with SHA-256 or SHA-384, RSASSA-PSS with SHA-384 and a salt of 48 bytes. */
function readAlgorithm(reader) {
  const checkSHA384 = (parameters) => {
    const algorithm = parameters.sequence("the hash of PSS");
    if (algorithm.identifier("the hash of PSS") !== OID.sha384) throw new FormatFault("the hash of PSS is not SHA-384");
    algorithm.optional(TAG.null);
    algorithm.finish("the hash of PSS");
  };
  let name;
  const identifier = reader.identifier("the signature algorithm");
  if (identifier === OID.ecdsaSHA256) name = "ecdsaSHA256";
  else if (identifier === OID.ecdsaSHA384) name = "ecdsaSHA384";
  else if (identifier === OID.rsaPSS) {
    // RFC 4055, section 3.1. Nothing but SHA-384 throughout is accepted; the trailer field may be spelled out.
    name = "rsaPSSSHA384";
    const what = "the PSS parameters";
    const parameters = reader.sequence(what);
    checkSHA384(parameters.inside(TAG.context(0), what));
    const mask = parameters.inside(TAG.context(1), what).sequence(what);
    if (mask.identifier(what) !== OID.mgf1) throw new FormatFault("the PSS mask is not MGF1");
    checkSHA384(mask);
    if (parameters.inside(TAG.context(2), what).smallInteger("the PSS salt") !== 48) {
      throw new FormatFault("the PSS salt is not 48");
    }
    const trailer = parameters.optional(TAG.context(3));
    if (trailer && new DERReader(trailer.content).smallInteger(what) !== 1) {
      throw new FormatFault("the PSS trailer is not 1");
    }
    parameters.finish(what);
  } else throw new FormatFault("the signature algorithm is none of those that vendors use");
  reader.finish("the signature algorithm");
  return name;
}

/** The public key of a certificate: on P-256 or P-384, or RSA. */
class PublicKey {
  static #curves = { [OID.p256]: ["P-256", "SHA-256", 32], [OID.p384]: ["P-384", "SHA-384", 48] };

  /** Reads a SubjectPublicKeyInfo. A point that is not on the curve is refused. */
  static async parse(info) {
    const reader = new DERReader(info.content);
    const algorithm = reader.sequence("the key's algorithm");
    const kind = algorithm.identifier("the key's algorithm");
    let key = null;
    if (kind === OID.ecKey) {
      const curve = PublicKey.#curves[algorithm.identifier("the key's curve")];
      const point = reader.bits("the key");
      if (curve && point.length === 1 + 2 * curve[2] && point[0] === 4) key = await PublicKey.#onCurve(curve, point);
    } else if (kind === OID.rsaKey) {
      algorithm.optional(TAG.null);
      reader.bits("the key");
      key = await PublicKey.#rsa(info.encoded);
    }
    algorithm.finish("the key's algorithm");
    reader.finish("the key");
    if (!key) throw new FormatFault("the key is not on P-256 or P-384, nor a sound RSA key");
    return key;
  }

  static async #onCurve([name, hash, size], point) {
    try {
      const parameters = { name: "ECDSA", namedCurve: name };
      return Object.assign(new PublicKey(), {
        key: await subtle.importKey("raw", point, parameters, false, ["verify"]), hash, size,
        algorithm: hash === "SHA-256" ? "ecdsaSHA256" : "ecdsaSHA384",
      });
    } catch {
      return null;
    }
  }

  static async #rsa(info) {
    try {
      const key = await subtle.importKey("spki", info, { name: "RSA-PSS", hash: "SHA-384" }, false, ["verify"]);
      if (key.algorithm.modulusLength < 2048) return null;
      return Object.assign(new PublicKey(), { key, size: 0, algorithm: "rsaPSSSHA384" });
    } catch {
      return null;
    }
  }

  /** @param signature as certificates have it: DER for ECDSA */
  async holds(signature, message, algorithm) {
    if (algorithm !== this.algorithm) return false;
    if (algorithm === "rsaPSSSHA384") {
      return holds(() => subtle.verify({ name: "RSA-PSS", saltLength: 48 }, this.key, signature, message));
    }
    const raw = this.#rawSignature(signature);
    return raw !== null && this.holdsRaw(raw, message);
  }

  /** @param signature R and S, each as long as the curve's numbers */
  async holdsRaw(signature, message) {
    if (this.size === 0 || signature.length !== 2 * this.size) return false;
    return holds(() => subtle.verify({ name: "ECDSA", hash: this.hash }, this.key, signature, message));
  }

  #rawSignature(der) {
    try {
      const outer = new DERReader(der);
      const reader = outer.sequence("a signature");
      outer.finish("a signature");
      const numbers = [reader.integer("R"), reader.integer("S")];
      reader.finish("a signature");
      const raw = new Uint8Array(2 * this.size);
      numbers.forEach((number, index) => {
        const digits = number[0] === 0 ? number.subarray(1) : number;
        if (number[0] >= 0x80 || digits.length > this.size) throw new FormatFault("a number is out of range");
        raw.set(digits, (index + 1) * this.size - digits.length);
      });
      return raw;
    } catch (error) {
      if (error instanceof FormatFault) return null;
      throw error;
    }
  }
}

/** @returns {Map<string, {isCritical: boolean, value: Uint8Array}>} by object identifier */
function readExtensions(content) {
  const outer = new DERReader(content);
  const list = outer.sequence("the extensions");
  outer.finish("the extensions");
  const extensions = new Map();
  while (!list.isAtEnd) {
    const fields = list.sequence("an extension");
    const identifier = fields.identifier("an extension's identifier");
    const isCritical = fields.nextTag === TAG.boolean ? fields.boolean("an extension's flag") : false;
    const value = fields.element(TAG.octets, "an extension's value").content;
    fields.finish("an extension");
    if (extensions.has(identifier)) throw new FormatFault("an extension comes twice");
    extensions.set(identifier, { isCritical, value });
  }
  return extensions;
}

/** An X.509 certificate, parsed but not verified. Names are compared byte for byte. */
class Certificate {
  static async parse(der) {
    const certificate = new Certificate();
    certificate.der = der;
    const outer = new DERReader(der);
    const fields = outer.sequence("the certificate");
    outer.finish("the certificate");
    const signed = fields.element(TAG.sequence, "the certificate's content");
    certificate.signedBytes = signed.encoded;
    const algorithm = fields.element(TAG.sequence, "the signature algorithm");
    certificate.algorithm = readAlgorithm(new DERReader(algorithm.content));
    certificate.signature = fields.bits("the signature");
    fields.finish("the certificate");

    const content = new DERReader(signed.content);
    if (content.inside(TAG.context(0), "the version").smallInteger("the version") !== 2) {
      throw new FormatFault("the version is not 3");
    }
    certificate.serialNumber = hex(content.integer("the serial number"));
    if (!sameBytes(content.element(TAG.sequence, "the inner algorithm").encoded, algorithm.encoded)) {
      throw new FormatFault("the two signature algorithms differ");
    }
    certificate.issuer = hex(content.element(TAG.sequence, "the issuer").encoded);
    const validity = content.sequence("the validity");
    certificate.notBefore = validity.time("notBefore");
    certificate.notAfter = validity.time("notAfter");
    validity.finish("the validity");
    const subject = content.element(TAG.sequence, "the subject");
    certificate.subject = hex(subject.encoded);
    certificate.commonName = Certificate.#commonName(subject.content);
    certificate.publicKey = await PublicKey.parse(content.element(TAG.sequence, "the key"));

    certificate.extensions = readExtensions(content.element(TAG.context(3), "the extensions").content);
    content.finish("the certificate's content");
    const constraints = certificate.extensions.get(OID.basicConstraints);
    certificate.isAuthority = false;
    certificate.pathLength = null;
    if (constraints) Certificate.#readConstraints(certificate, constraints.value);
    const usage = certificate.extensions.get(OID.keyUsage);
    certificate.keyUsage = null;
    if (usage) {
      const reader = new DERReader(usage.value);
      certificate.keyUsage = reader.element(TAG.bits, "the key usage").content.subarray(1);
      reader.finish("the key usage");
    }
    return certificate;
  }

  static #readConstraints(certificate, value) {
    const outer = new DERReader(value);
    const fields = outer.sequence("the basic constraints");
    outer.finish("the basic constraints");
    if (fields.nextTag === TAG.boolean) certificate.isAuthority = fields.boolean("the CA flag");
    if (!fields.isAtEnd) certificate.pathLength = fields.smallInteger("the path length");
    fields.finish("the basic constraints");
  }

  static #commonName(content) {
    const name = new DERReader(content);
    let found = "";
    while (!name.isAtEnd) {
      const attributes = name.inside(TAG.set, "a part of a name");
      while (!attributes.isAtEnd) {
        const attribute = attributes.sequence("an attribute of a name");
        const identifier = attribute.identifier("an attribute's type");
        const value = attribute.element();
        attribute.finish("an attribute of a name");
        if (identifier === OID.commonName) found = textOf(value.content, "a common name");
      }
    }
    return found;
  }

  /** Extensions that are critical and not understood make a certificate unusable. */
  get hasUnknownCriticalExtension() {
    return [...this.extensions].some(([identifier, { isCritical }]) =>
      isCritical && identifier !== OID.basicConstraints && identifier !== OID.keyUsage
      && !OID.ignored.includes(identifier));
  }

  /** keyCertSign is bit 5; digitalSignature is bit 0. */
  get mayIssue() {
    return this.isAuthority && (this.keyUsage === null || ((this.keyUsage[0] ?? 0) & 0x04) !== 0);
  }

  get maySign() {
    return this.keyUsage === null || ((this.keyUsage[0] ?? 0) & 0x80) !== 0;
  }

  get name() {
    return this.commonName === "" ? "a certificate without a name" : `'${this.commonName}'`;
  }
}

/** The fault of a chain, the root first; null if every link is valid. Times are checked separately. */
async function chainFault(chain) {
  if (chain.length < 2) return `a chain of ${chain.length} certificates`;
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[Math.max(index - 1, 0)];
    if (certificate.issuer !== issuer.subject) {
      return `${certificate.name} does not name ${issuer.name} as its issuer`;
    }
    if (!await issuer.publicKey.holds(certificate.signature, certificate.signedBytes, certificate.algorithm)) {
      return `${certificate.name} is not signed by ${issuer.name}`;
    }
    if (certificate.hasUnknownCriticalExtension) return `${certificate.name} has a critical extension that is not known`;
    if (index === chain.length - 1) {
      if (!certificate.maySign || certificate.isAuthority) return `${certificate.name} may not sign, or is an authority`;
    } else {
      if (!certificate.mayIssue) return `${certificate.name} may not issue certificates`;
      const below = chain.length - 2 - index;
      if (certificate.pathLength !== null && below > certificate.pathLength) {
        return `${certificate.name} allows ${certificate.pathLength} authorities below it; there are ${below}`;
      }
    }
  }
  return null;
}

/** The first certificate that is not valid at the time, with the reason; null if all are. */
function chainExpiry(chain, time) {
  for (const certificate of chain) {
    if (time < certificate.notBefore) {
      return ["cert_not_yet_valid", `${certificate.name}, valid from ${timeText(certificate.notBefore)}`];
    }
    if (time > certificate.notAfter) {
      return ["cert_expired", `${certificate.name}, valid until ${timeText(certificate.notAfter)}`];
    }
  }
  return null;
}

/**
 * Certificates as text (RFC 7468), or one in DER. Only white space, and a final zero byte, may surround them, and
 * base64 has to be in canonical form.
 */
async function readCertificates(bytes) {
  if (bytes[0] === TAG.sequence) return [await Certificate.parse(bytes)];
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  const [begin, end] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
  const requireSpace = (between) => {
    if (!/^[\n\r \t]*$/.test(between)) throw new FormatFault("PEM text has other text beside certificates");
  };
  const certificates = [];
  let position = 0;
  for (;;) {
    const start = text.indexOf(begin, position);
    if (start < 0) break;
    const stop = text.indexOf(end, start + begin.length);
    if (stop < 0 || certificates.length === 8) {
      throw new FormatFault("PEM text has a certificate without an end, or too many");
    }
    requireSpace(text.slice(position, start));
    const der = unbase64(text.slice(start + begin.length, stop).replace(/[\n\r \t]/g, ""));
    if (!der) throw new FormatFault("PEM text has a certificate that is not base64");
    certificates.push(await Certificate.parse(der));
    position = stop + end.length;
  }
  const rest = text.slice(position);
  requireSpace(rest.endsWith("\0") ? rest.slice(0, -1) : rest);
  return certificates;
}

async function readOneCertificate(bytes) {
  const certificates = await readCertificates(bytes);
  if (certificates.length !== 1) throw new FormatFault(`${certificates.length} certificates; expected 1`);
  return certificates[0];
}

/** A certificate revocation list (RFC 5280, section 5), parsed but not verified. */
class RevocationList {
  constructor(der) {
    const outer = new DERReader(der);
    const list = outer.sequence("the revocation list");
    outer.finish("the revocation list");
    const signed = list.element(TAG.sequence, "the list's content");
    this.signedBytes = signed.encoded;
    const algorithm = list.element(TAG.sequence, "the signature algorithm");
    this.algorithm = readAlgorithm(new DERReader(algorithm.content));
    this.signature = list.bits("the signature");
    list.finish("the revocation list");

    const content = new DERReader(signed.content);
    if (content.smallInteger("the version") !== 1) throw new FormatFault("the version is not 2");
    if (!sameBytes(content.element(TAG.sequence, "the inner algorithm").encoded, algorithm.encoded)) {
      throw new FormatFault("the two signature algorithms differ");
    }
    this.issuer = hex(content.element(TAG.sequence, "the issuer").encoded);
    this.thisUpdate = content.time("thisUpdate");
    this.nextUpdate = content.time("nextUpdate");
    // An empty list of revoked certificates is encoded by leaving it out.
    this.revoked = new Set();
    const entries = content.optional(TAG.sequence);
    for (const reader = new DERReader(entries?.content ?? new Uint8Array()); !reader.isAtEnd;) {
      this.revoked.add(hex(reader.sequence("a revoked certificate").integer("a revoked serial number")));
    }
    const extensions = content.optional(TAG.context(0));
    content.finish("the list's content");
    // A delta list, or a partial one, would have a critical extension.
    if (extensions && [...readExtensions(extensions.content).values()].some(({ isCritical }) => isCritical)) {
      throw new FormatFault("the list has a critical extension, which makes it a partial one");
    }
  }

  async isIssuedBy(authority) {
    return this.issuer === authority.subject
      && authority.publicKey.holds(this.signature, this.signedBytes, this.algorithm);
  }
}

// --- CBOR, as far as attestation documents use it (RFC 8949)

/** @typedef {{kind: "unsigned"|"negative"|"bytes"|"text"|"array"|"map"|"boolean"|"null"|"tagged", value: *}} CBORItem */

/** The key of a map entry, which is the same text for equal items. */
function cborKey({ kind, value }) {
  switch (kind) {
    case "bytes": return `b${hex(value)}`;
    case "text": return `t${JSON.stringify(value.normalize("NFC"))}`;
    case "array": return `[${value.map(cborKey).join(",")}]`;
    case "map": return `{${[...value].map(([key, entry]) => `${key}:${cborKey(entry.value)}`).sort().join(",")}}`;
    case "tagged": return `#${value.tag}(${cborKey(value.item)})`;
    default: return `${kind}${value}`;
  }
}

/** @returns {CBORItem} exactly one item, nested at most 8 levels deep, without two equal keys in a map */
function readCBOR(bytes) {
  let position = 0;
  const fail = (message) => {
    throw new FormatFault(`CBOR ${message}`);
  };
  const take = (count) => {
    if (count > bytes.length - position) fail(`at byte ${position} needs ${count} bytes, which are not there`);
    position += Number(count);
    return bytes.subarray(position - Number(count), position);
  };
  const takeBreak = () => {
    if (bytes[position] !== 0xff) return false;
    position += 1;
    return true;
  };
  /** The major type and the argument; null stands for an indefinite length. */
  const head = () => {
    const initial = take(1)[0];
    const information = initial & 31;
    if (information < 24) return [initial >> 5, BigInt(information)];
    if (information < 28) {
      return [initial >> 5, take(1 << (information - 24)).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)];
    }
    return information === 31 ? [initial >> 5, null] : fail(`at byte ${position - 1} has a reserved length`);
  };
  /** An item of indefinite length consists of chunks of the same major type. */
  const string = (major, count) => {
    if (count !== null) return take(count);
    const chunks = [];
    while (!takeBreak()) {
      const [kind, length] = head();
      if (kind !== major || length === null) fail(`string before byte ${position} has a chunk of another kind`);
      chunks.push(take(length));
    }
    return concatenated(...chunks);
  };
  const item = (depth) => {
    if (depth > 8) fail("is nested more than 8 levels deep");
    const start = position;
    const [major, argument] = head();
    const more = (read) => (argument === null ? !takeBreak() : BigInt(read) < argument);
    if (major === 0 && argument !== null) return { kind: "unsigned", value: argument };
    if (major === 1 && argument !== null) return { kind: "negative", value: argument };
    if (major === 2) return { kind: "bytes", value: string(major, argument) };
    if (major === 3) return { kind: "text", value: textOf(string(major, argument), `CBOR text at byte ${start}`) };
    if (major === 4) {
      const elements = [];
      while (more(elements.length)) elements.push(item(depth + 1));
      return { kind: "array", value: elements };
    }
    if (major === 5) {
      const members = new Map();
      while (more(members.size)) {
        const key = item(depth + 1);
        const name = cborKey(key);
        if (members.has(name)) fail(`map before byte ${position} has a key twice`);
        members.set(name, { key, value: item(depth + 1) });
      }
      return { kind: "map", value: members };
    }
    if (major === 6 && argument !== null) return { kind: "tagged", value: { tag: argument, item: item(depth + 1) } };
    if (major === 7 && argument === 20n) return { kind: "boolean", value: false };
    if (major === 7 && argument === 21n) return { kind: "boolean", value: true };
    if (major === 7 && argument === 22n) return { kind: "null", value: null };
    return fail(`at byte ${start} is of a kind that no document has`);
  };
  const root = item(0);
  if (position !== bytes.length) fail("is followed by more bytes");
  return root;
}

// --- Evidence

/** Evidence of the development TEE (protocol.md, section 2). */
class DevelopmentReport {
  constructor(bytes) {
    if (!sameBytes(bytes.subarray(0, 8), utf8("INFDEV\0\x01"))) {
      throw new FormatFault("development evidence does not start with INFDEV version 1", "unsupported");
    }
    requireLength(bytes, "development evidence", 216);
    this.measurement = bytes.subarray(8, 56);
    this.reportData = bytes.subarray(56, 120);
    this.publicKey = bytes.subarray(120, 152);
    this.signature = bytes.subarray(152, 216);
    this.signedMessage = concatenated(utf8("infenclave development report v1\0"), bytes.subarray(0, 120));
  }
}

/** An attestation report of AMD SEV-SNP, versions 2 to 5 (AMD 56860, ATTESTATION_REPORT). */
class SNPReport {
  constructor(bytes) {
    requireLength(bytes, "an SNP report", 1184);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.version = this.view.getUint32(0, true);
    if (this.version < 2 || this.version > 5) {
      throw new FormatFault(`the SNP report has version ${this.version}; expected 2 to 5`, "unsupported");
    }
    const algorithm = this.view.getUint32(0x34, true);
    if (algorithm !== 1) {
      throw new FormatFault(`the SNP report has signature algorithm ${algorithm}; expected 1`, "unsupported");
    }
    if (!isZero(bytes.subarray(0x330))) {
      throw new FormatFault("the SNP report has data in the reserved bytes behind its signature");
    }
  }

  slice(start, end) {
    return this.bytes.subarray(start, end);
  }

  get guestSVN() { return this.view.getUint32(0x04, true); }
  get policy() { return this.view.getBigUint64(0x08, true); }
  get vmpl() { return this.view.getUint32(0x30, true); }
  get platformInfo() { return this.view.getBigUint64(0x40, true); }
  get reportData() { return this.slice(0x50, 0x90); }
  get reportedTCB() { return this.slice(0x180, 0x188); }
  /** Combined family and model of the CPU; null in version 2, which does not have them. */
  get processor() { return this.version < 3 ? null : [this.bytes[0x188], this.bytes[0x189]]; }
  get chipID() { return this.slice(0x1a0, 0x1e0); }
  get isChipMasked() { return (this.bytes[0x48] & 0x02) !== 0; }
  get signingKey() { return ["vcek", "vlek"][(this.bytes[0x48] >> 2) & 7] ?? `other(${(this.bytes[0x48] >> 2) & 7})`; }
  get signedBytes() { return this.slice(0, 0x2a0); }
  /** Mitigations, one a bit, at launch and now; null before version 5. */
  get launchMitigations() { return this.version < 5 ? null : this.view.getBigUint64(0x1f8, true); }
  get currentMitigations() { return this.version < 5 ? null : this.view.getBigUint64(0x200, true); }

  policyBit(bit) {
    return ((this.policy >> BigInt(bit)) & 1n) !== 0n;
  }

  get measurements() {
    return [
      ["measurement", 0x90, 0xc0], ["host_data", 0xc0, 0xe0], ["id_key_digest", 0xe0, 0x110],
      ["author_key_digest", 0x110, 0x140], ["family_id", 0x10, 0x20], ["image_id", 0x20, 0x30],
      ["report_id", 0x140, 0x160], ["chip_id", 0x1a0, 0x1e0],
    ].map(([name, start, end]) => ({ name, value: this.slice(start, end) }));
  }

  /** Flags by name: those of the machine (PLATFORM_INFO), then what the guest was started with (POLICY). */
  get flags() {
    const flags = new Map();
    for (const [bit, name] of ["smt", "tsme", "ecc", "raplDisabled", "ciphertextHiding", "aliasCheck"].entries()) {
      flags.set(name, ((this.platformInfo >> BigInt(bit)) & 1n) !== 0n);
    }
    for (const [name, bit] of [
      ["smtAllowed", 16], ["singleSocket", 20], ["cxlAllowed", 21], ["aes256XTSRequired", 22], ["raplDisableRequired", 23],
      ["ciphertextHidingRequired", 24], ["pageSwapDisabled", 25],
    ]) flags.set(name, this.policyBit(bit));
    return flags;
  }

  /** R and S, big-endian, 96 bytes. The report has both little-endian in 72 bytes, of which 48 count; else null. */
  get signature() {
    if (!isZero(this.slice(0x2d0, 0x2e8)) || !isZero(this.slice(0x318, 0x330))) return null;
    return concatenated(this.slice(0x2a0, 0x2d0).slice().reverse(), this.slice(0x2e8, 0x318).slice().reverse());
  }
}

/** The table of certificates that a host gives to an SNP guest (AMD 56421, MSG_REPORT_REQ), by role. */
function readCertificateTable(bytes) {
  const roles = {
    "63da758de6644564adc5f4b93be8accd": "vcek", a8074bc2a25a483eaae639c045a0b8a1: "vlek",
    "4ab7b379bbac4fe4a02f05aef327c782": "intermediate",
  };
  const reader = new Reader(bytes, "the certificate table");
  const table = {};
  for (let entries = 1; bytes.length > 0; entries += 1) {
    const identifier = reader.take(16, "a GUID");
    const [offset, count] = [reader.number(4, "an offset"), reader.number(4, "a length")];
    if (isZero(identifier) && offset === 0 && count === 0) break;
    if (entries > 32 || offset > bytes.length || count > bytes.length - offset) {
      throw new FormatFault(`entry ${entries} of the certificate table is out of its bounds`);
    }
    const role = roles[hex(identifier)];
    if (!role) continue;
    if (role in table) throw new FormatFault(`the certificate table has two entries ${role}`);
    table[role] = bytes.subarray(offset, offset + count);
  }
  return table;
}

/** A report as tools save it: alone, or followed by the host's table of certificates in the same file. */
class SNPEvidence {
  constructor(bytes) {
    if (bytes.length > 1184 + 65_536) {
      throw new FormatFault(
        `an SNP report with its certificates has ${bytes.length} bytes; expected at most ${1184 + 65_536}`);
    }
    this.report = new SNPReport(bytes.subarray(0, 1184));
    /** Empty if there is only a report. It is not signed. */
    this.table = readCertificateTable(bytes.subarray(1184));
  }
}

/** A generation of AMD's processors with its own chain and layout of TCB versions. */
const PRODUCTS = {
  Milan: { layout: [["bl", 0], ["tee", 1], ["snp", 6], ["ucode", 7]], chipIDBytes: 64 },
  Genoa: { layout: [["bl", 0], ["tee", 1], ["snp", 6], ["ucode", 7]], chipIDBytes: 64 },
  Turin: { layout: [["fmc", 0], ["bl", 1], ["tee", 2], ["snp", 3], ["ucode", 7]], chipIDBytes: 8 },
};

/** Bergamo and Siena use Genoa's chain; null for a processor that is not known. */
function productOf([family, model]) {
  if (family === 0x19 && model <= 0x0f) return "Milan";
  if (family === 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf))) return "Genoa";
  return family === 0x1a && model <= 0x11 ? "Turin" : null;
}

/** The content of AMD's extensions of a VCEK or VLEK certificate (AMD 57230, section 3.1). */
class VEKCertificate {
  /** The kind of key, by the subject's name; null for another certificate. */
  static kindOf({ commonName }) {
    return { "SEV-VCEK": "vcek", "SEV-VLEK": "vlek" }[commonName] ?? null;
  }

  constructor(certificate) {
    this.certificate = certificate;
    const value = (...arcs) => certificate.extensions.get(OID.amd + hex(arcs))?.value;
    const name = value(2);
    if (!name) throw new FormatFault("the certificate names no product");
    const text = String.fromCharCode(...new DERReader(name).element(TAG.ia5, "the product").content.subarray(0, 64));
    // "Milan-B0", or the name alone.
    this.product = text.split("-")[0];
    if (!Object.hasOwn(PRODUCTS, this.product)) {
      throw new FormatFault(`the certificate is for product '${text.slice(0, 16)}'`);
    }
    this.versions = new Map();
    for (const [part, arc] of [["bl", 1], ["tee", 2], ["snp", 3], ["ucode", 8], ["fmc", 9]]) {
      const number = value(3, arc);
      if (!number) continue;
      const reader = new DERReader(number);
      this.versions.set(part, reader.smallInteger("a version of the certificate"));
      reader.finish("a version of the certificate");
    }
    // The extension contains the bytes without an ASN.1 tag. A VLEK is for all chips of a cloud and has none.
    this.chipID = value(4) ?? null;
    this.kind = VEKCertificate.kindOf(certificate);
  }
}

/** An attestation document of an AWS Nitro Enclave: a COSE_Sign1 message (RFC 9052) with or without CBOR tag 18. */
class NitroDocument {
  constructor(bytes) {
    if (bytes.length > 65_536) {
      throw new FormatFault(`the document has ${bytes.length} bytes; expected at most 65536`);
    }
    let message = readCBOR(bytes);
    if (message.kind === "tagged" && message.value.tag === 18n) message = message.value.item;
    const parts = message.kind === "array" ? message.value : [];
    if (parts.length !== 4 || [0, 2, 3].some((index) => parts[index].kind !== "bytes")) {
      throw new FormatFault("the document is not a COSE_Sign1 message of four parts");
    }
    // It is not signed. The NSM writes an empty map; one producer of documents writes null.
    if (!["{}", "nullnull"].includes(cborKey(parts[1]))) {
      throw new FormatFault("the document's unprotected header is not empty");
    }
    const [protectedHeader, payload, signature] = [parts[0].value, parts[2].value, parts[3].value];
    // {1: -35}: ECDSA with SHA-384, on P-384.
    if (cborKey(readCBOR(protectedHeader)) !== "{unsigned1:negative34}") {
      throw new FormatFault("the document's protected header is not {1: -35}, ES384", "unsupported");
    }
    requireLength(signature, "the document's signature", 96);
    this.signature = signature;
    this.signedBytes = concatenated(
      0x84, 0x6a, utf8("Signature1"), cborBytes(protectedHeader), 0x40, cborBytes(payload));

    const content = readCBOR(payload);
    if (content.kind !== "map") throw new FormatFault("the document's payload is not a map");
    const optional = (name) => content.value.get(`t${JSON.stringify(name)}`)?.value ?? null;
    const field = (name) => optional(name) ?? fail(`has no ${name}`);
    const fail = (message) => {
      throw new FormatFault(`the document ${message}`);
    };
    const text = (name) => (field(name).kind === "text" ? field(name).value : fail(`has no text in ${name}`));
    const certificate = (item) => {
      if (item.kind !== "bytes" || item.value.length < 1 || item.value.length > 1024) {
        fail("has a certificate that is not 1 to 1024 bytes");
      }
      return item.value;
    };
    // The AWS text bounds some at 512 bytes, but the NSM allows 1024.
    const optionalBytes = (name) => {
      const item = optional(name);
      if (!item || item.kind === "null") return null;
      return item.kind === "bytes" && item.value.length <= 1024 ? item.value : fail(`has more than 1024 bytes in ${name}`);
    };
    this.moduleID = text("module_id");
    if (this.moduleID === "") fail("has an empty module_id");
    const digestName = text("digest");
    if (digestName !== "SHA384") {
      throw new FormatFault(`digest of the document is ${digestName.slice(0, 16)}; expected SHA384`, "unsupported");
    }
    if (field("timestamp").kind !== "unsigned") fail("has a timestamp that is not a number");
    const seconds = field("timestamp").value / 1000n;
    this.timestamp = Number(seconds);
    this.pcrs = NitroDocument.#registers(field("pcrs"), fail);
    this.certificate = certificate(field("certificate"));
    const bundle = field("cabundle");
    if (bundle.kind !== "array" || bundle.value.length === 0) fail("has a cabundle that is not a list of certificates");
    this.certificateBundle = bundle.value.map(certificate);
    optionalBytes("public_key");
    this.userData = optionalBytes("user_data");
    this.nonce = optionalBytes("nonce");
  }

  static #registers(item, fail) {
    if (item.kind !== "map" || item.value.size < 1 || item.value.size > 32) {
      fail("has pcrs that are not a map of 1 to 32 registers");
    }
    const registers = [...item.value.values()].map(({ key, value }) => {
      if (key.kind !== "unsigned" || key.value >= 32n || value.kind !== "bytes"
        || ![32, 48, 64].includes(value.value.length)) fail("has a register of another form in pcrs");
      return [Number(key.value), value.value];
    });
    return new Map(registers.sort(([a], [b]) => a - b));
  }

  /** In debug mode the measurements are all zero. */
  get isDebug() {
    return [0, 1, 2].every((index) => isZero(this.pcrs.get(index) ?? new Uint8Array()));
  }
}

/** A byte string with its CBOR head. */
function cborBytes(bytes) {
  const count = bytes.length;
  if (count < 24) return concatenated(0x40 | count, bytes);
  if (count < 256) return concatenated(0x58, count, bytes);
  if (count < 65_536) return concatenated(0x59, count >> 8, count & 255, bytes);
  return concatenated(0x5a, littleEndian(4, count).reverse(), bytes);
}

// --- What enclave and owner state (protocol.md, sections 3 and 9)

/** The most elements that a shape may describe. */
const MAXIMUM_ELEMENTS = 2 ** 34;

class ServiceFacts {
  constructor(bytes) {
    const reader = new Reader(bytes, "service facts");
    const version = reader.number(2, "version");
    if (version !== 1) throw new FormatFault(`service facts: version ${version}; expected 1`, "unsupported");
    const require = (condition, message) => {
      if (!condition) throw new FormatFault(`service facts: ${message}`);
    };
    const inputs = reader.number(1, "inputs");
    this.precision = reader.number(1, "precision");
    [this.channels, this.height, this.width, this.classes, this.topK] =
      Array.from({ length: 5 }, () => reader.number(4, "extents and classes"));
    const start = reader.offset;
    this.sigma = reader.double("sigma");
    const hasNoise = this.sigma >= 1e-6 && this.sigma <= 1e6;
    // The one encoding of no noise is positive zero.
    const isPlain = isZero(bytes.subarray(start, start + 8));
    this.toHost = ServiceFacts.#types(reader);
    this.fromHost = ServiceFacts.#types(reader);
    reader.finish();
    require([1, 3].includes(inputs) && this.precision >= 1 && this.precision <= 3 && (hasNoise || isPlain),
      "inputs, precision or sigma is out of range");
    this.acceptsFloats = inputs === 3;
    for (const name of ["channels", "height", "width"]) {
      require(this[name] >= 1 && this[name] <= 65_536, `${name} is ${this[name]}; expected 1 to 65536`);
    }
    require(this.classes >= 2 && this.classes <= 1 << 20, `${this.classes} classes; expected 2 or more`);
    require(this.topK >= 1 && this.topK <= Math.min(this.classes, 1000), `top ${this.topK} of ${this.classes} classes`);
    require((this.toHost.length === 0) === (this.fromHost.length === 0), "tensors cross in one direction only");
    require(isPlain || this.toHost.length > 0, "noise, but nothing crosses");
    this.bytes = bytes;
  }

  static #types(reader) {
    const count = reader.number(2, "number of tensors");
    if (count > 256) throw new FormatFault(`service facts: ${count} tensors`);
    return Array.from({ length: count }, () => {
      const [code, rank] = [reader.number(1, "element"), reader.number(1, "rank")];
      const element = [null, ["f32", 4], ["u8", 1], ["i8", 1], ["i32", 4], ["i64", 8], ["bool", 1]][code];
      if (!element || rank > 12) throw new FormatFault(`service facts: element ${code}, rank ${rank}`);
      const shape = Array.from({ length: rank }, () => Number(reader.wide("extent")));
      // A zero extent makes the product zero; the product of the others must still be within the limit.
      if (shape.reduce((product, extent) => product * Math.max(extent, 1), 1) > MAXIMUM_ELEMENTS) {
        throw new FormatFault(`service facts: ${shape} has over ${MAXIMUM_ELEMENTS} elements`);
      }
      return { type: element[0], shape, bytes: shape.reduce((product, extent) => product * extent, element[1]) };
    });
  }

  get isEverythingInside() {
    return this.toHost.length === 0;
  }

  /** Bytes that cross to the host for one picture. */
  get boundaryBytes() {
    return this.toHost.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

const STATES = [null, "unprovisioned", "provisioned", "leaseEnded"];

class EnclaveFacts {
  constructor(bytes) {
    const what = "enclave facts";
    if (bytes.length > 65_536) throw new FormatFault(`${what}: ${bytes.length} bytes; expected at most 65536`);
    const reader = new Reader(bytes, what);
    if (!sameBytes(reader.take(8, "magic"), utf8("INFFACTS"))) throw new FormatFault(`${what}: the magic is wrong`);
    const version = reader.number(2, "version");
    if (version !== 1) throw new FormatFault(`${what}: version ${version}; expected 1`, "unsupported");
    this.frontNetDigest = reader.take(32, "FrontNet's digest");
    this.mappingUnitDigest = reader.take(32, "mapping unit's digest");
    const state = reader.number(1, "state");
    this.state = STATES[state];
    this.lease = null;
    this.service = null;
    if (state === 2) {
      this.lease = {
        sequence: reader.wide("sequence"), seconds: reader.number(4, "lease"), secondsLeft: reader.number(4, "seconds left"),
      };
      const service = reader.take(reader.number(4, "service facts"), "service facts");
      reader.finish();
      const { sequence, seconds, secondsLeft } = this.lease;
      if (sequence === 0n || seconds < 1 || seconds > 126_230_400 || secondsLeft > seconds) {
        throw new FormatFault(`${what}: sequence or times of the lease are out of range`);
      }
      this.service = new ServiceFacts(service);
    }
    reader.finish();
    if (!this.state) throw new FormatFault(`${what}: state ${state} is unknown`);
  }
}

const PART_FILES = {
  1: "frontnet.sealed", 2: "mapping.sealed", 3: "backnet.graph", 4: "backnet.onnx", 5: "backnet.precision",
};

class ManifestCore {
  constructor(bytes) {
    const what = "manifest core";
    if (bytes.length > 65_536) throw new FormatFault(`${what}: ${bytes.length} bytes; expected at most 65536`);
    const reader = new Reader(bytes, what);
    if (!sameBytes(reader.take(8, "magic"), utf8("INFCORE\0"))) throw new FormatFault(`${what}: the magic is wrong`);
    const version = reader.number(2, "version");
    if (version !== 2) throw new FormatFault(`${what}: version ${version}, expected 2`, "unsupported");
    this.identifier = reader.take(16, "identifier");
    this.ownerPublicKey = reader.take(32, "owner's key");
    const service = reader.take(reader.number(4, "service facts"), "service facts");
    this.parts = new Map();
    let last = 0;
    for (let left = reader.number(1, "parts"); left > 0; left -= 1) {
      const [kind, count, partDigest] = [reader.number(1, "part"), reader.wide("bytes"), reader.take(32, "digest")];
      if (kind <= last || !PART_FILES[kind] || count > MAXIMUM_ELEMENTS) {
        throw new FormatFault(`${what}: part ${kind} of ${count} bytes, or not in ascending order`);
      }
      last = kind;
      this.parts.set(kind, { bytes: Number(count), digest: partDigest });
    }
    this.textDigest = reader.take(32, "digest of manifest.json");
    reader.finish();
    this.service = new ServiceFacts(service);
    const isWhole = this.parts.has(1) && this.parts.has(2)
      && (this.service.isEverythingInside ? this.parts.size === 2 : this.parts.has(3));
    if (!isWhole) throw new FormatFault(`${what}: the parts are not those of such a bundle`);
  }
}

const COLLATERAL_ROLES = [
  "tcb_info", "tcb_info_issuer_chain", "qe_identity", "qe_identity_issuer_chain", "pck_crl", "root_ca_crl",
  "pck_cert_chain", "vcek", "vlek", "intermediate", "crl", "auxblob",
];
const TEES = ["development", "sgx", "tdx", "snp", "nitro", "az-snp", "az-tdx"];

/** A host's evidence document (protocol.md, section 2). It is untrusted until it was appraised. */
class EvidenceDocument {
  /** @param {Uint8Array} bytes JSON of at most 8 MiB */
  constructor(bytes) {
    const name = "the evidence document";
    if (bytes.length > 8 << 20) {
      throw new FormatFault(`${name} has ${bytes.length} bytes; expected at most ${8 << 20}`);
    }
    const members = json.object(readJSON(bytes, name), name);
    const member = (key) => json.member(members, key, name);
    const version = json.integer(member("version"), "version");
    if (version !== 2) {
      throw new FormatFault(`${name} has version ${version}, expected 2: use one version of infenclave on both sides`,
        "unsupported");
    }
    const base64 = (key, least, most) => {
      const decoded = unbase64(json.string(member(key), key));
      if (!decoded) throw new FormatFault(`${key} of ${name} is not base64`);
      requireLength(decoded, key, least, most);
      return decoded;
    };
    this.tee = json.string(member("tee"), "tee");
    if (!TEES.includes(this.tee)) throw new FormatFault(`${name} is of a TEE that is not known`);
    this.nonce = json.hex(member("nonce"), "nonce");
    requireLength(this.nonce, "the nonce", 16, 64);
    this.evidence = base64("evidence", 1, 65_536);
    this.keyConfiguration = base64("keyConfiguration", 1, 8192);
    this.manifestCore = base64("manifestCore", 1, 65_536);
    this.manifest = base64("manifest", 0, 8 << 20);
    this.manifestSignature = base64("manifestSignature", 64, 64);
    this.facts = base64("facts", 1, 65_536);
    this.epoch = json.hex(member("epoch"), "epoch");
    requireLength(this.epoch, "the epoch", 16);
    const collateral = json.object(member("collateral"), "collateral");
    if (collateral.size > 32) throw new FormatFault(`${collateral.size} collateral files; expected at most 32`);
    this.collateral = {};
    for (const [role, value] of collateral) {
      const decoded = unbase64(json.string(value, role));
      if (!decoded) throw new FormatFault(`collateral ${role} of ${name} is not base64`);
      if (COLLATERAL_ROLES.includes(role)) this.collateral[role] = decoded;
    }
  }
}

// --- Collateral in the encodings of services, caches and tools

const isSpace = (byte) => byte === 0x0a || byte === 0x0d || byte === 0x20 || byte === 0x09;
const asciiOf = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** The encoding of text: `hexadecimal`, `base64`, or null for anything else. Short text is a word, not a file. */
function encodedKind(bytes) {
  // Evidence itself is not text, which its first bytes show.
  if (!bytes.subarray(0, 64).every((byte) => isSpace(byte) || (byte >= 0x2b && byte <= 0x7a))) return null;
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || isSpace(bytes[end - 1]))) end -= 1;
  const digits = bytes.subarray(0, end).filter((byte) => !isSpace(byte));
  if (digits.length < 64) return null;
  const text = asciiOf(digits);
  if (/^(0x)?[0-9A-Fa-f]*$/.test(text)) return "hexadecimal";
  return /^[0-9A-Za-z+/_-]*={0,2}$/.test(text) ? "base64" : null;
}

/** The bytes of hexadecimal or base64 text; null for anything else. */
function decodedText(bytes) {
  const text = asciiOf(bytes.filter((byte) => !isSpace(byte) && byte !== 0));
  switch (encodedKind(bytes)) {
    case "hexadecimal": return unhex(text.replace(/^0x/, ""));
    case "base64": return unpaddedBase64(text);
    default: return null;
  }
}

function unpaddedBase64(text) {
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Without a byte order mark, and without the NUL bytes and white space at the end. */
function trimmedText(bytes) {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let end = bytes.length;
  while (end > start && (bytes[end - 1] === 0 || isSpace(bytes[end - 1]))) end -= 1;
  return bytes.subarray(start, end);
}

/** Null for bytes that are no ASCII text. */
function plainText(bytes) {
  const text = trimmedText(bytes);
  return text.length > 0 && text.every((byte) => byte < 0x80 && byte !== 0) ? text : null;
}

/** DER without the NUL byte of a C structure behind it. */
function withoutPadding(bytes) {
  if (bytes.at(-1) !== 0 || bytes[0] !== TAG.sequence) return bytes;
  try {
    const { encoded } = new DERReader(bytes).element();
    return encoded.length === bytes.length - 1 ? encoded : bytes;
  } catch (error) {
    if (error instanceof FormatFault) return bytes;
    throw error;
  }
}

/** The parsed JSON; null for other text. */
function jsonOrNull(bytes, read) {
  try {
    return read(readJSON(bytes, "the file"));
  } catch (error) {
    if (error instanceof FormatFault) return null;
    throw error;
  }
}

const jsonText = (bytes) => (bytes[0] === 0x22 ? jsonOrNull(bytes, (value) => utf8(json.string(value, "the file"))) : null);

/** The answer of Azure's metadata service for AMD's certificates. */
function metadataCertificates(bytes) {
  if (bytes[0] !== 0x7b) return null;
  return jsonOrNull(bytes, (value) => {
    const members = json.object(value, "the file");
    const leaf = json.string(json.member(members, "vcekCert", "the file"), "vcekCert");
    const chain = members.get("certificateChain");
    return utf8(`${leaf}\n${typeof chain === "string" ? chain : ""}`);
  });
}

/** Services give issuer chains in a header, percent-encoded (RFC 3986, section 2.1). */
function percentDecoded(bytes) {
  const text = asciiOf(bytes);
  if (!text.includes("%") || /%(?![0-9A-Fa-f]{2})/.test(text)) return null;
  // Forms write a space as a plus sign; a plus sign of base64 is then escaped.
  const spaced = text.includes("BEGIN+CERTIFICATE") ? text.replaceAll("+", " ") : text;
  const decoded = spaced.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}

/** The content of a PEM block of a revocation list (RFC 7468, section 6). */
function pemList(bytes) {
  const match = /^-----BEGIN X509 CRL-----([^]*)-----END X509 CRL-----$/.exec(asciiOf(bytes));
  return match ? unpaddedBase64(match[1].replace(/[\n\r \t]/g, "")) : null;
}

/** DER of lists, DER or PEM of certificates. Unrecognised bytes stay as they are, so that their parser reports the fault. */
function plainFile(role, file) {
  const isCertificate = ["vcek", "vlek", "intermediate"].includes(role);
  let bytes = withoutPadding(file);
  // Nested encodings: a JSON string of PEM, hexadecimal digits of PEM.
  for (let layer = 0; layer < 3; layer += 1) {
    const text = plainText(bytes);
    if (!text) return bytes;
    const inner = jsonText(text)
      ?? (isCertificate ? metadataCertificates(text) ?? percentDecoded(text) : pemList(text)) ?? decodedText(text);
    if (!inner) return isCertificate ? text : bytes;
    bytes = inner;
  }
  return bytes;
}

const plainCollateral = (collateral) => Object.fromEntries(
  Object.entries(collateral).map(([role, bytes]) =>
    [role, ["vcek", "vlek", "intermediate", "crl", "auxblob"].includes(role) ? plainFile(role, bytes) : bytes]));

/** Common other encodings of evidence, which are not read, with the way to decode each; null for unknown ones. */
function otherEvidenceForm(evidence, tee) {
  switch (encodedKind(evidence)) {
    case "hexadecimal":
      return "hexadecimal text; decode it with `sed s/^0x// FILE | xxd -r -p > evidence.bin`";
    case "base64": return "base64 text; decode it with `base64 -d FILE > evidence.bin`";
    default: break;
  }
  if (asciiOf(evidence.subarray(0, 4)) === "HCLA") {
    return "the HCL report of an Azure virtual machine (TPM NV index 0x01400001), in which the hardware's report is "
      + "wrapped; give it with the TPM's quote as az-snp or az-tdx";
  }
  if (!tee.startsWith("az-") && evidence[0] === 0x7b && evidence.every((byte) => byte < 0x80)) {
    return "JSON text; give the quote, report or document that is in it, decoded to bytes; Azure's JSON is of az-snp or az-tdx";
  }
  return null;
}

// --- Policies (policy.schema.json)

const POLICY_MEMBERS = [
  "version", "tee", "ownerPublicKey", "manifestDigest", "developmentKey", "measurements", "productID", "minimumTCB",
  "tcbStatuses", "advisories", "minimumEvaluationDataNumber", "allowDebug", "allowMigration", "maximumVMPL", "flags",
  "mitigations", "maximumAgeSeconds", "nonce", "reportData", "skip", "everythingInside", "maximumBoundaryBytes", "minimumSigma",
  "maximumSigma", "pixelsOnly", "maximumLeaseSeconds", "assessment",
];
const SKIPPABLE = [
  "manifestDigest", "measurements", "productID", "minimumTCB", "advisories", "minimumEvaluationDataNumber", "flags",
  "maximumAgeSeconds", "revocation", "everythingInside",
];
const TCB_STATUSES = [
  "UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
  "OutOfDateConfigurationNeeded", "TDRelaunchAdvised", "TDRelaunchAdvisedConfigurationNeeded",
];
const ASSETS = ["appearance", "identity", "class"];

/**
 * What a client demands of evidence. Each member of the file is a requirement here: `{value}` if it is demanded,
 * `{reason}` if it is skipped with a reason, `{}` if the policy does not mention it.
 */
export class Policy {
  /**
   * Reads a policy file; unknown members are refused, because a misspelt member would leave out a check.
   *
   * @param {Uint8Array|string} file JSON, at most 1 MiB
   * @throws {InfenclaveError} `invalidConfiguration`, naming the member that is wrong
   */
  constructor(file) {
    const bytes = typeof file === "string" ? utf8(file) : file;
    try {
      if (bytes.length > 1 << 20) throw new FormatFault(`policy has ${bytes.length} bytes; expected at most ${1 << 20}`);
      this.#read(json.object(readJSON(bytes, "policy"), "policy"));
    } catch (error) {
      if (!(error instanceof FormatFault)) throw error;
      throw new InfenclaveError("invalidConfiguration", `the policy cannot be used: ${error.message}`,
        { remedy: "write it as Documentation/policy.schema.json says, or make it again with `infenclave policy`" });
    }
  }

  #read(members) {
    const version = json.member(members, "version", "policy");
    if (json.integer(version, "version") !== 2) throw new FormatFault("version is not 2");
    json.refuseMembers(members, POLICY_MEMBERS, "policy");
    this.tee = Policy.#names(json.member(members, "tee", "policy"), "tee", TEES);
    if (this.tee.size === 0) throw new FormatFault("tee is empty");
    const skip = members.has("skip") ? json.object(members.get("skip"), "skip") : new JSONMembers();
    json.refuseMembers(skip, SKIPPABLE, "skip");
    const reasonFor = (key) => {
      if (!skip.has(key)) return null;
      const reason = json.string(skip.get(key), key);
      if (reason === "") throw new FormatFault(`skip.${key} gives no reason`);
      return reason;
    };
    const requirement = (key, read) => {
      const reason = reasonFor(key);
      if (!members.has(key)) return reason === null ? {} : { reason };
      if (reason !== null) throw new FormatFault(`${key} is both required and skipped`);
      return { value: read(members.get(key), key) };
    };
    const digest32 = (value, key) => json.hex(value, key, 32);
    const strings = (value, key) => new Set(json.array(value, key).map((one) => json.string(one, key)));
    const deviation = (value, key) => {
      const number = json.number(value, key);
      if (number < 0) throw new FormatFault(`${key} is negative`);
      return number;
    };
    // A demand is `true` or absent: `false` would look like a demand but be none.
    const demand = (value, key) => {
      if (!json.boolean(value, key)) throw new FormatFault(`${key} is false; leave it out`);
      return true;
    };
    const map = (read) => (value, key) => {
      const entries = [...json.object(value, key)].map(([name, one]) => [name, read(one, name)]);
      if (entries.length === 0) throw new FormatFault(`${key} is empty; say in 'skip' why`);
      return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    };
    const accepted = (value, key) => {
      const values = json.array(value, key).map((one) => hex(json.hex(one, key)));
      if (values.length === 0) throw new FormatFault(`measurements.${key} lists no value`);
      return [...new Set(values)].sort();
    };
    for (const key of ["ownerPublicKey", "manifestDigest", "developmentKey"]) this[key] = requirement(key, digest32);
    this.measurements = requirement("measurements", map(accepted));
    this.minimumTCB = requirement("minimumTCB", map(json.natural));
    this.flags = requirement("flags", map(json.boolean));
    this.mitigations = requirement("mitigations", Policy.#mitigations);
    this.advisories = requirement("advisories", strings);
    for (const key of ["productID", "minimumEvaluationDataNumber", "maximumAgeSeconds", "maximumBoundaryBytes",
      "maximumLeaseSeconds"]) this[key] = requirement(key, json.natural);
    this.nonce = requirement("nonce", (value, key) => json.hex(value, key));
    this.reportData = requirement("reportData", (value, key) => json.hex(value, key));
    this.revocationSkip = reasonFor("revocation");
    this.everythingInside = requirement("everythingInside", demand);
    this.pixelsOnly = requirement("pixelsOnly", demand);
    this.minimumSigma = requirement("minimumSigma", deviation);
    this.maximumSigma = requirement("maximumSigma", deviation);
    this.assessment = requirement("assessment", Policy.#assessment);
    if (members.has("tcbStatuses")) Policy.#names(members.get("tcbStatuses"), "tcbStatuses", TCB_STATUSES);
    const optional = (key, read, otherwise) => (members.has(key) ? read(members.get(key), key) : otherwise);
    this.allowsDebug = optional("allowDebug", json.boolean, false);
    this.allowsMigration = optional("allowMigration", json.boolean, false);
    this.maximumVMPL = optional("maximumVMPL", json.natural, 0);
    if (this.maximumVMPL > 3) throw new FormatFault("maximumVMPL is more than 3");
  }

  static #names(list, key, known) {
    const names = json.array(list, key).map((name) => json.string(name, key));
    const other = names.find((name) => !known.includes(name));
    if (other !== undefined) throw new FormatFault(`${key} has '${other}', which is none of ${known.join(", ")}`);
    return new Set(names);
  }

  /** Bits, 0 to 63, of the vectors in reports of version 5. */
  static #mitigations(value, key) {
    const object = json.object(value, key);
    json.refuseMembers(object, ["launch", "current"], key);
    const bits = (name) => {
      if (!object.has(name)) return [];
      const list = json.array(object.get(name), name).map((bit) => json.natural(bit, name));
      if (list.length === 0) throw new FormatFault(`mitigations.${name} is empty; leave it out`);
      if (new Set(list).size < list.length) throw new FormatFault(`mitigations.${name} names a bit twice`);
      return list.sort((a, b) => (a < b ? -1 : 1));
    };
    const demand = { launch: bits("launch"), current: bits("current") };
    const all = [...demand.launch, ...demand.current];
    if (all.length === 0 || all.some((bit) => bit > 63)) {
      throw new FormatFault("mitigations names no bit from 0 to 63 in 'launch' or 'current', or another number");
    }
    return demand;
  }

  static #assessment(value, key) {
    const object = json.object(value, key);
    json.refuseMembers(object, ["sha256", "gates", "protects", "attackerPictures"], key);
    if (object.size === 0) throw new FormatFault("assessment names none of sha256, gates, protects and attackerPictures");
    const demand = { sha256: null, gates: null, protects: [], attackerPictures: null };
    if (object.has("sha256")) demand.sha256 = hex(json.hex(object.get("sha256"), "sha256", 32));
    if (object.has("gates")) {
      demand.gates = json.string(object.get("gates"), "gates");
      if (!["standard", "strict"].includes(demand.gates)) {
        throw new FormatFault("assessment.gates is neither standard nor strict");
      }
    }
    if (object.has("protects")) {
      demand.protects = json.array(object.get("protects"), "protects").map((name) => json.string(name, "protects"));
      if (demand.protects.some((name, index) => !ASSETS.includes(name) || demand.protects.indexOf(name) !== index)) {
        throw new FormatFault("assessment.protects lists something else than appearance, identity and class, each once");
      }
    }
    if (object.has("attackerPictures")) {
      demand.attackerPictures = json.integer(object.get("attackerPictures"), "attackerPictures");
      if (demand.attackerPictures < 1) {
        throw new FormatFault(`assessment.attackerPictures is ${demand.attackerPictures}, expected 1 or more`);
      }
    }
    if (demand.sha256 === null && demand.gates === null && demand.protects.length === 0
      && demand.attackerPictures === null) {
      throw new FormatFault("assessment names none of sha256, gates, protects and attackerPictures");
    }
    return demand;
  }
}

// --- Checks and verdicts (attestation-checks.md)

/** The conditions of the checks that this module makes, by name. */
const CHECKS = {
  "development-accepted": "the policy and the call both accept the development TEE by name",
  "evidence-format": "the evidence has the exact layout of its format and version",
  "development-key": "the signing key is the development key that the policy pins",
  "development-signature": "the development key signed measurement and report data",
  "vek-certificate": "there is a VCEK or VLEK certificate with AMD's extensions",
  "vek-chain": "the pinned ARK signed the ASK or ASVK, which signed the VCEK or VLEK",
  "vek-validity": "the certificates are valid at the time",
  "ask-revocation": "the ARK's CRL, if given, is valid and does not list the ASK or ASVK",
  "signing-key": "the certificate is of the kind of key that signed the report",
  "vek-tcb": "the certificate is for the reported TCB, part by part",
  "vek-chip-id": "a VCEK is for the chip of the report",
  "vek-product": "certificate, chain and CPUID name one product",
  "report-signature": "the VCEK or VLEK key signed the report",
  "document-root": "the bundle starts with the pinned root of AWS",
  "document-chain": "root, bundle and leaf link by name, signature and authority",
  "document-validity": "the certificates are valid at the time",
  "document-signature": "the leaf's key signed the document",
  "document-time": "the certificates were valid when the document says that it was made",
  "collateral-age":
    "no collateral is older than what was seen before, by date or evaluation number, or withheld after it was seen",
  "tee-allowed": "the policy accepts this kind of TEE",
  debug: "the TEE does not run in debug mode",
  "policy-reserved": "the guest policy's bit 17, which is always one, is one",
  migration: "nobody may move the guest to another machine",
  vmpl: "the report is of a privilege level that the policy accepts",
  flags: "every flag of guest and platform that the policy names has the policy's value",
  mitigations: "every mitigation of the platform that the policy names is in place",
  "minimum-tcb": "every security version is at least the policy's, which has to name those without a vendor's status",
  "product-id": "the enclave's product id is the policy's",
  measurements: "every measurement that the policy names has one of the values that it lists",
  age: "the evidence is not older than the policy allows",
  nonce: "the evidence is for the nonce of this session",
  "owner-key": "the manifest core names the owner's key that the policy pins",
  "manifest-signature": "the owner signed the manifest core",
  "manifest-digest": "the manifest core is the one that the policy pins",
  "manifest-twin": "manifest.json has the digest that the manifest core lists",
  "report-data":
    "the report data is as expected: for a service, the digest of nonce, keys, facts, manifest, owner and epoch",
  "enclave-parts": "the enclave received exactly the sealed parts that the manifest core lists",
  "enclave-service": "the service facts of a provisioned enclave are those of the manifest core",
  "everything-inside": "nothing crosses to the host, if the policy demands it",
  boundary: "no more bytes cross to the host than the policy allows",
  noise: "the noise on what crosses is within the policy's bounds",
  inputs: "the enclave takes only pixels, if the policy demands it",
  lease: "the owner's lease is not longer than the policy allows",
  assessment: "the manifest records the assessment that the policy demands",
};

/** The remedies for failed checks, by code. */
const REMEDIES = {
  malformed: "get the evidence and collateral again, byte for byte",
  unsupported_format: "use a version of infenclave that reads this format",
  wrong_tee: "ask the owner which TEE the service runs in, and name that one",
  report_signature_invalid: "do not trust the server: the evidence was altered or made up",
  document_signature_invalid: "do not trust the server: the evidence was altered or made up",
  untrusted_root: "do not trust the server: the chain does not end at the vendor's root",
  vek_chain_invalid: "get the certificates again from the vendor; if they are the same, do not trust the server",
  cert_chain_invalid: "get the certificates again from the vendor; if they are the same, do not trust the server",
  cert_malformed: "get the certificates again from the vendor; if they are the same, do not trust the server",
  ca_revoked: "do not trust the machine: the vendor revoked its certificate",
  product_mismatch: "get the certificates of this processor's generation from the vendor",
  cert_expired: "get a newer certificate, or set the clock right",
  cert_not_yet_valid: "set the clock right, or verify at a later time",
  crl_expired: "get newer collateral, or set the clock right",
  crl_not_yet_valid: "set the clock right, or use collateral of that time",
  collateral_missing: "get the missing files from the vendor or a cache and give them as collateral",
  crl_invalid: "get the collateral again from the vendor, byte for byte",
  tcb_status_not_allowed: "update the machine's firmware, or accept the status in the policy",
  vek_tcb_mismatch: "get the certificate for this chip and its reported TCB",
  vek_chip_id_mismatch: "get the certificate for this chip and its reported TCB",
  signing_key_mismatch:
    "check that this is the intended server; if it is, get a new policy from the owner, or for SNP the certificate "
    + "of the kind of key that signed the report",
  debug_enabled: "use an enclave without debug mode: with it the host reads its memory",
  migrate_ma_enabled: "start the guest without migration, or allow it in the policy",
  vmpl_not_allowed: "ask for the report at a lower VMPL, or allow this one in the policy",
  policy_reserved: "do not trust the report: no firmware sets its policy so",
  too_old: "ask for new evidence",
  development_not_accepted:
    "use hardware; only for trials name 'development' in the policy and accept it by name in the call",
  measurement_mismatch: "compare the enclave's release with the policy; do not send data to other code",
  measurement_not_pinned: "name the measurement in the policy, or say in its 'skip' why not",
  policy_incomplete: "name a value in the policy, or say in its 'skip' why not",
  mitigation_missing: "update the machine's firmware, or change the policy's 'mitigations'",
  flag_mismatch: "configure the machine as the policy wants it, or change the policy's 'flags'",
  collateral_rolled_back: "get current collateral; older than what was seen before may hide a revocation",
  revocation_not_checked: "give the vendor's revocation list, or say in 'skip' of the policy why not",
  nonce_mismatch: "ask the server again; this evidence was made for another session",
  owner_key_mismatch: "take the policy from the model's owner; the bundle is of somebody else",
  manifest_mismatch: "take the policy of this bundle; the server has another model or version",
  manifest_signature_invalid: "do not trust the server: the owner did not sign this manifest",
  report_data_mismatch: "do not trust the server: keys, facts, manifest or epoch are not those of the enclave",
  parts_mismatch: "do not trust the server: the enclave holds other parts than the owner signed",
  service_mismatch: "do not trust the server: the parts do something else than the owner signed",
  not_everything_inside: "send nothing: the host sees an intermediate representation of each picture",
  boundary_too_large: "ask the owner for a later cut, or allow more bytes in 'maximumBoundaryBytes'",
  noise_out_of_bounds: "ask the owner for other noise, or change 'minimumSigma' or 'maximumSigma'",
  floats_accepted: "ask the owner for a bundle that was made without --allow-f32",
  lease_too_long: "ask the owner for a shorter lease, or allow more in 'maximumLeaseSeconds'",
  assessment_mismatch: "ask the owner for an assessment, or name the one that you accept in 'assessment'",
};

/** Names in certificates and similar text are untrusted: they must neither forge lines nor flood a page. */
function printable(text) {
  return [...text].slice(0, 600).join("").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu, "?");
}

/** Records the checks of one appraisal. A failed check of `require` ends its stage. */
class CheckLog {
  entries = [];
  warnings = [];

  require(check, isHeld, code, found = "", expected = "") {
    this.note(check, isHeld, code, found, expected);
    if (!isHeld) throw new Rejection();
  }

  note(check, isHeld, code, found = "", expected = "") {
    const outcome = isHeld ? { outcome: "passed" } : { outcome: "failed", code };
    this.entries.push({ check, ...outcome, found: printable(found), expected: printable(expected) });
  }

  skip(check, reason) {
    this.entries.push({ check, outcome: "skipped", reason, found: "", expected: "" });
  }

  reject(check, code, found = "", expected = "") {
    this.note(check, false, code, found, expected);
    throw new Rejection();
  }

  /** Makes a check that a policy may leave out: then it is listed as skipped. */
  appraise(check, requirement, member, body) {
    if ("value" in requirement) body(requirement.value);
    else this.skip(check, requirement.reason ?? `the policy names no '${member}'`);
  }
}

/** The claims of evidence about its TEE. They are untrusted until the checks have passed. */
class Claims {
  /** In the order of the evidence: `{name, value}`. */
  measurements = [];
  reportData = new Uint8Array();
  isDebug = false;
  securityVersions = new Map();
  /** The versions that only a policy appraises: AMD publishes no list of platforms that are up to date. */
  platformVersions = [];
  /** SNP only, as the next five. */
  isMigratable = null;
  vmpl = null;
  hasReservedPolicyBit = null;
  flags = new Map();
  launchMitigations = null;
  currentMitigations = null;
  /** Nitro only: when the document was made, and the nonce in it. */
  timestamp = null;
  nonce = null;
  /** The date of every piece of collateral, in seconds since 1970, by a name that identifies its authority. */
  collateral = {};
}

/** The outcome of an appraisal: every check that was made or skipped, in order, and the claims of the evidence. */
export class Verdict {
  constructor(tee, log, claims) {
    this.tee = tee;
    this.entries = log.entries;
    this.warnings = log.warnings;
    this.claims = claims;
    // An appraisal that checked nothing accepts nothing.
    this.isAccepted = log.entries.some(({ outcome }) => outcome === "passed")
      && log.entries.every(({ outcome }) => outcome !== "failed");
  }

  get failures() {
    return this.entries.filter(({ outcome }) => outcome === "failed");
  }

  get skipped() {
    return this.entries.filter(({ outcome }) => outcome === "skipped");
  }

  /** One line: accepted, or what failed first. */
  get summary() {
    const [first] = this.failures;
    if (!first) return `${this.tee} evidence accepted`;
    const compared = [first.found && `found ${first.found}`, first.expected && `expected ${first.expected}`];
    const place = [`${first.check}: ${first.code}`, ...compared.filter(Boolean)].join(", ");
    return `${this.tee} evidence rejected: ${place}; ${REMEDIES[first.code]}`;
  }

  /** The verdict as `infenclave attest --json` writes it. */
  toJSON() {
    const { claims } = this;
    return {
      tee: this.tee,
      verdict: this.isAccepted ? "accepted" : "rejected",
      reasons: this.failures.map(({ check, code, found, expected }) => {
        const compared = [found && `found ${found}`, expected && `expected ${expected}`].filter(Boolean).join(", ");
        return { check, code, message: `${CHECKS[check]}: ${compared}; ${REMEDIES[code]}` };
      }),
      skipped: this.skipped.map(({ check, reason }) => ({ check, reason })),
      warnings: this.warnings,
      tcbStatus: null, tcbDate: null, advisories: [],
      debug: claims.isDebug,
      reportData: hex(claims.reportData),
      measurement: claims.measurements.length > 0 ? hex(claims.measurements[0].value) : "",
      measurements: Object.fromEntries(claims.measurements.map(({ name, value }) => [name, hex(value)])),
      securityVersions: Object.fromEntries(claims.securityVersions),
    };
  }

  /** Every check in order, with its condition and the remedy for a failure, for people. */
  get explanation() {
    return this.entries.map((entry) => ({
      ...entry, summary: CHECKS[entry.check], remedy: entry.outcome === "failed" ? REMEDIES[entry.code] : "",
    }));
  }
}

// --- Verification to the vendor's root

/** Evidence with everything that its verification needs. It uses no clock and no network. */
class VerificationRequest {
  constructor({ tee, evidence, collateral = {}, time, roots = null, seenBefore = {} }) {
    if (!TEES.includes(tee)) throw new InfenclaveError("invalidInput", `'${tee}' is none of ${TEES.join(", ")}`);
    if (!Number.isSafeInteger(time)) {
      throw new InfenclaveError("invalidInput", "the time is not whole seconds since 1970",
        { remedy: "pass Math.floor(Date.now() / 1000)" });
    }
    Object.assign(this, {
      tee, evidence, collateral: plainCollateral(collateral), time, root: roots, seenBefore,
    });
  }
}

const DEVELOPMENT_WARNING =
  "the development TEE protects nothing: whoever owns the server's machine can read everything and forge its evidence";

/** Verifies evidence. `claims` are filled as far as the evidence was read, even if a check fails. */
async function verifyEvidence(request, policy, development, claims, log) {
  let root = null;
  if (request.root !== null) {
    const [certificate, fault] = await parsed(() => readOneCertificate(request.root));
    if (fault) throw new InfenclaveError("invalidInput", `the root cannot be read: ${fault.message}`);
    root = certificate;
    if (request.tee !== "development") {
      log.warnings.push(`the chain ends at '${root.commonName}', a root that the caller gave, not at the vendor's`);
    }
  }
  const form = request.tee === "development" ? null : otherEvidenceForm(request.evidence, request.tee);
  if (form) log.reject("evidence-format", "unsupported_format", form);
  const verify = { development: verifyDevelopment, snp: verifySNP, nitro: verifyNitro }[request.tee];
  if (!verify) {
    log.reject("evidence-format", "unsupported_format", `${request.tee} evidence`,
      "evidence of snp, nitro or development: this client verifies neither Intel's quotes nor Azure's TPMs");
  }
  await verify(request, { policy, development, root }, claims, log);
  requireAge(request, claims, log);
}

/** A server of collateral could serve collateral from before a revocation, as long as it has not expired. */
function requireAge(request, claims, log) {
  const known = Object.keys(claims.collateral).filter((name) => name in request.seenBefore).sort();
  if (known.length === 0) {
    if (Object.keys(claims.collateral).length > 0) {
      log.skip("collateral-age", "no earlier collateral of this platform is known");
    }
    return;
  }
  for (const name of known) {
    const [date, earlier] = [claims.collateral[name], request.seenBefore[name]];
    if (date >= earlier) continue;
    log.reject("collateral-age", "collateral_rolled_back", `${name} of ${timeText(date)}`,
      `${timeText(earlier)}, or later`);
  }
  log.require("collateral-age", true);
}

async function verifyDevelopment(request, { policy, development }, claims, log) {
  if (!policy) {
    log.reject("development-accepted", "development_not_accepted", "no policy",
      "a policy that names 'development' and its key");
  }
  const accepting = "a policy and a call that both accept the development TEE by name";
  const named = policy.tee.has("development");
  const accepted = named && development === "dangerouslyAccept";
  log.require("development-accepted", accepted, "development_not_accepted",
    accepted ? accepting : named ? "a call that does not accept it" : "a policy that does not name it", accepting);
  log.warnings.push(DEVELOPMENT_WARNING);
  const [report, fault] = await parsed(() => new DevelopmentReport(request.evidence));
  if (fault) log.reject("evidence-format", fault.reason, fault.message);
  log.require("evidence-format", true);
  claims.measurements = [{ name: "development", value: report.measurement }];
  claims.reportData = report.reportData;
  const pinned = policy.developmentKey.value;
  if (!pinned) {
    log.reject("development-key", "signing_key_mismatch", hex(report.publicKey),
      "a key in 'developmentKey' of the policy");
  }
  log.require("development-key", sameBytes(report.publicKey, pinned), "signing_key_mismatch", hex(report.publicKey),
    hex(pinned));
  log.require("development-signature",
    await ed25519Holds(report.signature, report.signedMessage, report.publicKey), "report_signature_invalid");
}

/** SEV-SNP reports, up to AMD's root key (AMD 56860 and 57230). */
async function verifySNP(request, { root }, claims, log) {
  const [evidence, fault] = await parsed(() => new SNPEvidence(request.evidence));
  if (fault) log.reject("evidence-format", fault.reason, fault.message);
  const { report, table } = evidence;
  log.require("evidence-format", true, "", `report version ${report.version}`);
  claimSNP(report, claims);

  const supplied = await suppliedCertificates(request, table, log);
  const [vek, others] = await readVEK(report, supplied, log);
  const chain = await snpChain(request, vek, supplied.intermediate, others, root, log);
  await checkRevocation(request, chain, claims, log);
  matchVEK(vek, report, chain, claims, log);
  const signature = report.signature;
  log.require("report-signature",
    signature !== null && await vek.certificate.publicKey.holdsRaw(signature, report.signedBytes),
    "report_signature_invalid");
}

function claimSNP(report, claims) {
  claims.measurements = report.measurements;
  claims.reportData = report.reportData;
  claims.isDebug = report.policyBit(19);
  claims.isMigratable = report.policyBit(18);
  claims.hasReservedPolicyBit = report.policyBit(17);
  claims.vmpl = report.vmpl;
  claims.flags = report.flags;
  claims.launchMitigations = report.launchMitigations;
  claims.currentMitigations = report.currentMitigations;
  claims.securityVersions.set("guestsvn", report.guestSVN);
  // Version 2 does not name the processor; it is of a generation before the layout changed.
  const product = report.processor ? productOf(report.processor) : "Milan";
  for (const [name, index] of PRODUCTS[product]?.layout ?? []) {
    claims.securityVersions.set(name, report.reportedTCB[index]);
  }
}

/** The certificates given by role; for other roles, those of the table, then those after the report. */
async function suppliedCertificates(request, attached, log) {
  const behind = plainCollateral(attached);
  if (!request.collateral.auxblob) return { ...behind, ...request.collateral };
  const [table, fault] = await parsed(() => readCertificateTable(request.collateral.auxblob));
  if (fault) log.reject("vek-certificate", "cert_malformed", fault.message);
  return { ...behind, ...plainCollateral(table), ...request.collateral };
}

/** The VCEK or VLEK, and the other certificates of its file: clouds supply it with its chain. */
async function readVEK(report, supplied, log) {
  // The kind that the report requires, if available; else the other, so that the mismatch is reported.
  const bytes = report.signingKey === "vlek" ? supplied.vlek ?? supplied.vcek : supplied.vcek ?? supplied.vlek;
  if (!bytes) log.reject("vek-certificate", "collateral_missing", "no vcek, no vlek");
  const [[vek, others] = [], fault] = await parsed(async () => {
    const certificates = await readCertificates(bytes);
    const leaves = certificates.length === 1 ? certificates : certificates.filter((one) => VEKCertificate.kindOf(one));
    if (leaves.length !== 1) {
      throw new FormatFault(
        `${certificates.length} certificates, of which ${leaves.length} are a VCEK or VLEK; expected 1`);
    }
    return [new VEKCertificate(leaves[0]), certificates.filter(({ der }) => !sameBytes(der, leaves[0].der))];
  }).then(([made, found]) => [made ?? undefined, found]);
  if (fault) log.reject("vek-certificate", "cert_malformed", fault.message);
  log.require("vek-certificate", true, "", `'${vek.certificate.commonName}' for ${vek.product}`);
  return [vek, others];
}

/** The root is always a trusted one; files may contain another copy of it. */
async function snpChain(request, vek, intermediateFile, others, root, log) {
  const { certificate } = vek;
  let intermediates = [...others, ...(await amdCertificates()).intermediates];
  if (intermediateFile) {
    const [given, fault] = await parsed(() => readCertificates(intermediateFile));
    if (fault) log.reject("vek-chain", "cert_malformed", fault.message);
    if (given.length === 0) log.reject("vek-chain", "cert_malformed", "an intermediate file without a certificate");
    intermediates = given;
  }
  const intermediate = intermediates.find(({ subject }) => subject === certificate.issuer);
  if (!intermediate) {
    log.reject("vek-chain", "vek_chain_invalid", "no intermediate that the certificate names as its issuer");
  }
  const trusted = (root ? [root] : (await amdCertificates()).roots).find(({ subject }) => subject === intermediate.issuer);
  if (!trusted) {
    log.reject("vek-chain", "vek_chain_invalid", `'${intermediate.commonName}' is not issued by a trusted ARK`);
  }
  const chain = [trusted, intermediate, certificate];
  const fault = await chainFault(chain);
  log.require("vek-chain", fault === null, "vek_chain_invalid",
    fault ?? chain.map(({ commonName }) => commonName).join(", "));
  requireValidity("vek-validity", chain, request.time, log);
  return chain;
}

function requireValidity(check, chain, time, log) {
  const [code, found] = chainExpiry(chain, time) ?? ["", ""];
  log.require(check, code === "", code, found, `valid at ${timeText(time)}`);
}

/** Without AMD's list the check is skipped, which a policy for a peer has to allow. */
async function checkRevocation(request, chain, claims, log) {
  const name = `crl/${chain[0].commonName}`;
  if (!request.collateral.crl) {
    // A verifier that has seen a list, which may contain a revocation, accepts no evidence without one.
    if (name in request.seenBefore) {
      log.reject("collateral-age", "collateral_rolled_back", "no revocation list of the ARK",
        `${name} of ${timeText(request.seenBefore[name])}, or later`);
    }
    log.skip("ask-revocation", "no revocation list of the ARK was given");
    return;
  }
  const [list, fault] = await parsed(() => new RevocationList(request.collateral.crl));
  if (fault) log.reject("ask-revocation", "crl_invalid", fault.message);
  if (!await list.isIssuedBy(chain[0])) {
    log.reject("ask-revocation", "crl_invalid", "a list not issued by its authority",
      `issuer '${chain[0].commonName}'`);
  }
  if (request.time < list.thisUpdate || request.time > list.nextUpdate) {
    log.reject("ask-revocation", request.time < list.thisUpdate ? "crl_not_yet_valid" : "crl_expired",
      `${timeText(list.thisUpdate)} to ${timeText(list.nextUpdate)}`, `valid at ${timeText(request.time)}`);
  }
  claims.collateral[name] = list.thisUpdate;
  log.require("ask-revocation", !list.revoked.has(chain[1].serialNumber), "ca_revoked",
    `serial number ${chain[1].serialNumber}`);
}

function matchVEK(vek, report, chain, claims, log) {
  const { product, certificate } = vek;
  log.require("signing-key", vek.kind === report.signingKey, "signing_key_mismatch",
    `certificate '${certificate.commonName}'`, report.signingKey);

  const { layout, chipIDBytes } = PRODUCTS[product];
  const reported = layout.map(([name, index]) => [name, report.reportedTCB[index]]);
  claims.platformVersions = reported.map(([name]) => name);
  claims.securityVersions = new Map([["guestsvn", report.guestSVN], ...reported]);
  const differing = reported.filter(([name, version]) => vek.versions.get(name) !== version);
  log.require("vek-tcb", differing.length === 0, "vek_tcb_mismatch",
    differing.map(([name]) => `${name} ${vek.versions.get(name) ?? "missing"}`).join(", "),
    reported.map(([name, version]) => `${name} ${version}`).join(", "));

  if (vek.kind === "vcek") {
    // A masked chip id is all zero; then this check fails, as required.
    const isChip = !report.isChipMasked && vek.chipID !== null
      && sameBytes(vek.chipID, report.chipID.subarray(0, chipIDBytes)) && isZero(report.chipID.subarray(chipIDBytes));
    log.require("vek-chip-id", isChip, "vek_chip_id_mismatch", vek.chipID ? hex(vek.chipID) : "none",
      hex(report.chipID));
  } else {
    log.skip("vek-chip-id", "a VLEK is for all chips of a cloud");
  }

  const processor = report.processor ? productOf(report.processor) ?? "an unknown product" : null;
  log.require("vek-product",
    [`SEV-${product}`, `SEV-VLEK-${product}`].includes(chain[1].commonName) && chain[0].commonName === `ARK-${product}`
      && (processor === null || processor === product),
    "product_mismatch",
    `certificate ${product}, chain '${chain[1].commonName}', CPUID ${processor ?? "not in report version 2"}`,
    "one product");
}

/**
 * Nitro attestation documents, up to AWS's root (aws-nitro-enclaves-nsm-api, docs/attestation_process.md). AWS says not to
 * use revocation lists, because a leaf certificate is valid for about three hours.
 */
async function verifyNitro(request, { root }, claims, log) {
  const [document, fault] = await parsed(() => new NitroDocument(request.evidence));
  if (fault) log.reject("evidence-format", fault.reason, fault.message);
  log.require("evidence-format", true, "", document.moduleID);
  claims.measurements = [...document.pcrs].map(([index, value]) => ({ name: `pcr${index}`, value }));
  claims.reportData = document.userData ?? new Uint8Array();
  claims.nonce = document.nonce;
  claims.isDebug = document.isDebug;
  claims.timestamp = document.timestamp;

  const trusted = hex(await sha256((root ?? (await nitroRoot())).der));
  const found = hex(await sha256(document.certificateBundle[0]));
  log.require("document-root", found === trusted, "untrusted_root", `certificate ${found}`, trusted);
  const [chain, malformed] = await parsed(async () => {
    const certificates = [];
    for (const der of [...document.certificateBundle, document.certificate]) {
      certificates.push(await Certificate.parse(der));
    }
    return certificates;
  });
  if (malformed) log.reject("document-chain", "cert_malformed", malformed.message);
  const broken = await chainFault(chain);
  log.require("document-chain", broken === null, "cert_chain_invalid", broken ?? "");
  requireValidity("document-validity", chain, request.time, log);
  log.require("document-signature",
    await chain.at(-1).publicKey.holdsRaw(document.signature, document.signedBytes), "document_signature_invalid");
  // The signer's certificate has to have been valid at the time of signing that the document states.
  requireValidity("document-time", chain, document.timestamp, log);
}

// --- Appraisal by a policy

/** `hostData`, `HOST_DATA` and `host_data` are one name. */
const plainName = (name) => name.toLowerCase().replace(/[_-]/g, "");

/** Long names of security versions. */
const VERSION_NAMES = { bootLoader: "bl", microcode: "ucode", isvSVN: "isvsvn" };

/**
 * The checks of a policy on the claims of verified evidence. All are made, so that a verdict names every difference.
 *
 * @param isForPeer whether the verdict is about a peer for a connection; then a policy that leaves checks open is refused
 */
function appraisePolicy(policy, request, isForPeer, claims, log) {
  const { tee } = request;
  const appraise = (check, member, isOfTEE, body) => {
    const requirement = policy[member];
    if ("value" in requirement) body(requirement.value);
    else if ("reason" in requirement) log.skip(check, requirement.reason);
    else if (isOfTEE && isForPeer) {
      log.note(check, false, "policy_incomplete", `a policy without '${member}'`, "a value, or a reason in 'skip'");
    } else if (isOfTEE) log.skip(check, `the policy names no '${member}'`);
  };

  log.note("tee-allowed", policy.tee.has(tee), "wrong_tee", tee, [...policy.tee].sort().join(" or "));
  log.note("debug", !claims.isDebug || policy.allowsDebug, "debug_enabled",
    claims.isDebug ? "debug mode" : "no debug mode");
  if (claims.isDebug && policy.allowsDebug) {
    log.warnings.push("the TEE runs in debug mode: the host can read and change its memory");
  }
  if (tee === "snp") {
    log.note("policy-reserved", claims.hasReservedPolicyBit, "policy_reserved");
    log.note("migration", !claims.isMigratable || policy.allowsMigration, "migrate_ma_enabled",
      claims.isMigratable ? "may be moved" : "may not be moved");
    log.note("vmpl", claims.vmpl <= policy.maximumVMPL, "vmpl_not_allowed", `VMPL ${claims.vmpl}`,
      `at most ${policy.maximumVMPL}`);
  }
  appraise("flags", "flags", tee === "snp", (flags) => {
    for (const [name, wanted] of flags) {
      const value = claims.flags.get(name);
      log.note("flags", value === wanted, "flag_mismatch", `${name} ${value ?? "missing"}`, String(wanted));
    }
  });
  appraiseMitigations(policy, tee, claims, log);
  if (tee === "snp" && !request.collateral.crl) {
    if (policy.revocationSkip !== null) log.skip("ask-revocation", policy.revocationSkip);
    else if (isForPeer) log.note("ask-revocation", false, "revocation_not_checked", "no list of revocations");
  }
  appraiseVersions(policy, tee, isForPeer, claims, log, appraise);
  appraiseMeasurements(policy, tee, isForPeer, claims, log);
  appraiseSession(policy, request, isForPeer, claims, log, appraise);
}

/** Reports before version 5 have no vectors, and bulletins define their bits: a policy need not name any. */
function appraiseMitigations(policy, tee, claims, log) {
  const demand = policy.mitigations.value;
  if (!demand) {
    if (tee === "snp") log.skip("mitigations", "the policy names no 'mitigations'");
    return;
  }
  for (const [name, vector] of [["launch", claims.launchMitigations], ["current", claims.currentMitigations]]) {
    if (demand[name].length === 0) continue;
    const missing = demand[name].filter((bit) => (((vector ?? 0n) >> BigInt(bit)) & 1n) === 0n);
    log.note("mitigations", missing.length === 0, "mitigation_missing",
      vector === null ? `no ${name} vector` : `${name} vector without bit ${missing.join(", ")}`,
      `${name} bits ${demand[name].join(", ")}`);
  }
}

function appraiseVersions(policy, tee, isForPeer, claims, log, appraise) {
  appraise("minimum-tcb", "minimumTCB", tee === "snp", (minimum) => {
    for (const [name, least] of minimum) {
      const version = claims.securityVersions.get(VERSION_NAMES[name] ?? name);
      log.note("minimum-tcb", version !== undefined && version >= least, "tcb_status_not_allowed",
        `${name} ${version ?? "missing"}`, `at least ${least}`);
    }
    const named = new Set([...minimum.keys()].map((name) => VERSION_NAMES[name] ?? name));
    const open = claims.platformVersions.filter((name) => !named.has(name)).join(", ");
    if (open !== "" && isForPeer) {
      log.note("minimum-tcb", false, "policy_incomplete", `a minimumTCB without ${open}`,
        "the least version of each part, 0 where any will do");
    } else if (open !== "") log.skip("minimum-tcb", `the policy's minimumTCB does not name ${open}`);
  });
  // Only SGX evidence has a product id: a policy that names one is for another TEE.
  appraise("product-id", "productID", false, (expected) => {
    log.note("product-id", false, "measurement_mismatch", "missing", String(expected));
  });
}

function appraiseMeasurements(policy, tee, isForPeer, claims, log) {
  const pinned = policy.measurements.value ?? new Map();
  for (const [name, accepted] of pinned) {
    const value = claims.measurements.find((one) => plainName(one.name) === plainName(name))?.value;
    log.note("measurements", value !== undefined && accepted.includes(hex(value)), "measurement_mismatch",
      `${name} ${value ? hex(value) : "missing"}`, accepted.join(" or "));
  }
  const isSkipped = "reason" in policy.measurements;
  if (isForPeer && !isSkipped) {
    // The policy for a peer has to pin all of its code.
    const needed = { development: "development", snp: "measurement", nitro: "pcr0" }[tee];
    if (![...pinned.keys()].some((name) => plainName(name) === needed)) {
      log.note("measurements", false, "measurement_not_pinned", `no value for ${needed} in the policy`);
    }
  } else if (!isSkipped && pinned.size === 0) {
    log.skip("measurements", "the policy names no measurements");
  }
  if (isSkipped) log.skip("measurements", policy.measurements.reason);
}

function appraiseSession(policy, request, isForPeer, claims, log, appraise) {
  // The nonce shows that a peer's evidence is fresh.
  if (isForPeer && claims.timestamp === null) {
    log.note("age", true, "", "made for this session's nonce");
  } else {
    appraise("age", "maximumAgeSeconds", request.tee === "nitro", (maximum) => {
      const age = claims.timestamp === null ? null : Math.abs(request.time - claims.timestamp);
      log.note("age", age !== null && age <= maximum, "too_old",
        age === null ? "evidence without a time" : `${age} seconds`, `at most ${maximum} seconds`);
    });
  }
  const nonce = policy.nonce.value;
  if (nonce) {
    log.note("nonce", claims.nonce !== null && sameBytes(claims.nonce, nonce), "nonce_mismatch",
      claims.nonce ? hex(claims.nonce) : "evidence without a nonce", hex(nonce));
  }
  if (policy.reportData.value) checkReportData(policy.reportData.value, claims, log);
}

function checkReportData(expected, claims, log) {
  log.note("report-data", sameBytes(claims.reportData, expected), "report_data_mismatch", hex(claims.reportData),
    hex(expected));
}

/** The checks of a TEE's evidence that need a policy. */
function checksOf(tee) {
  const own = { development: [], snp: ["policy-reserved", "migration", "vmpl", "flags", "mitigations", "minimum-tcb"], nitro: ["age"] };
  return ["tee-allowed", "debug", ...(own[tee] ?? []), "measurements"];
}

/**
 * Appraises saved evidence, which belongs to no session: nothing can be encrypted to its keys.
 *
 * @param {object} request `tee`, `evidence`, `collateral` (bytes by role), `time` in seconds since 1970, `roots` (one
 *   certificate, PEM or DER, instead of the vendor's; every verdict warns of it), `seenBefore`
 * @param {object} options `policy`, null for none; `reportData` that is expected, null for none; `development`:
 *   `"dangerouslyAccept"` accepts evidence of the development TEE, if the policy names it too
 * @returns {Promise<Verdict>}
 */
export async function appraiseEvidence(request, { policy = null, reportData = null, development = "refuse" } = {}) {
  const checked = new VerificationRequest(request);
  const [log, claims] = [new CheckLog(), new Claims()];
  try {
    await verifyEvidence(checked, policy, development, claims, log);
    if (policy) appraisePolicy(policy, checked, false, claims, log);
    else {
      log.warnings.push("no policy was given: nothing was appraised, only verified to the root");
      for (const check of checksOf(checked.tee)) log.skip(check, "no policy was given");
    }
    if (reportData) checkReportData(reportData, claims, log);
    else if (!policy || Object.keys(policy.reportData).length === 0) {
      log.skip("report-data", "no report data to compare with was given");
    }
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
  }
  return new Verdict(checked.tee, log, claims);
}

// --- The data that verified evidence binds

/**
 * The checks that bind evidence to this session, these keys, this manifest, and the facts of the enclave.
 *
 * @returns {Promise<[ManifestCore, EnclaveFacts]>}
 */
async function checkBinding(policy, document, nonce, claims, log) {
  log.require("nonce", sameBytes(document.nonce, nonce), "nonce_mismatch", hex(document.nonce), hex(nonce));
  const [core, fault] = await parsed(() => new ManifestCore(document.manifestCore));
  if (fault) log.reject("owner-key", "malformed", fault.message, "a manifest core");
  const owner = policy.ownerPublicKey.value;
  if (!owner) {
    log.reject("owner-key", "owner_key_mismatch", hex(core.ownerPublicKey), "a key in 'ownerPublicKey' of the policy");
  }
  log.require("owner-key", sameBytes(core.ownerPublicKey, owner), "owner_key_mismatch", hex(core.ownerPublicKey),
    hex(owner));
  const message = concatenated(utf8("infenclave manifest v2\0"), document.manifestCore);
  log.require("manifest-signature", await ed25519Holds(document.manifestSignature, message, owner),
    "manifest_signature_invalid");
  const manifestDigest = await sha256(document.manifestCore);
  const { value: pinned, reason } = policy.manifestDigest;
  if (pinned) {
    log.require("manifest-digest", sameBytes(manifestDigest, pinned), "manifest_mismatch", hex(manifestDigest),
      hex(pinned));
  } else if (reason !== undefined) log.skip("manifest-digest", reason);
  else {
    log.reject("manifest-digest", "manifest_mismatch", hex(manifestDigest),
      "a digest in 'manifestDigest' of the policy");
  }
  const text = await sha256(document.manifest);
  log.require("manifest-twin", sameBytes(text, core.textDigest), "manifest_mismatch", hex(text), hex(core.textDigest));

  const counted = (bytes) => concatenated(littleEndian(4, bytes.length), bytes);
  const transcript = concatenated(
    utf8("infenclave report data v2\0"), counted(nonce), counted(document.keyConfiguration), counted(document.facts),
    manifestDigest, owner, document.epoch);
  const expected = await sha512(transcript);
  log.require("report-data", sameBytes(claims.reportData, expected), "report_data_mismatch", hex(claims.reportData),
    hex(expected));
  const [facts, other] = await parsed(() => new EnclaveFacts(document.facts));
  if (other) log.reject("enclave-parts", other.reason, other.message);
  return [core, facts];
}

/** Compares the enclave's facts with the owner's signed manifest, then with the policy. */
function appraiseService(policy, core, facts, manifest, log) {
  const stated = [facts.frontNetDigest, facts.mappingUnitDigest].map(hex);
  const signed = [1, 2].map((kind) => hex(core.parts.get(kind).digest));
  log.require("enclave-parts", stated.join() === signed.join(), "parts_mismatch", stated.join(", "), signed.join(", "));
  if (facts.state === "provisioned") {
    log.require("enclave-service", sameBytes(facts.service.bytes, core.service.bytes), "service_mismatch",
      hex(facts.service.bytes), hex(core.service.bytes));
  } else {
    log.skip("enclave-service", facts.state === "unprovisioned"
      ? "the owner has not provisioned the enclave: it serves nobody"
      : "the owner's lease has ended: the enclave serves nobody");
  }
  const service = facts.service ?? core.service;
  appraiseCrossing(policy, service, log);
  log.appraise("inputs", policy.pixelsOnly, "pixelsOnly", () => {
    log.note("inputs", !service.acceptsFloats, "floats_accepted", service.acceptsFloats ? "u8 and f32" : "u8", "u8");
  });
  log.appraise("lease", policy.maximumLeaseSeconds, "maximumLeaseSeconds", (maximum) => {
    if (!facts.lease) log.skip("lease", "there is no lease: the enclave serves nobody");
    else {
      log.note("lease", facts.lease.seconds <= maximum, "lease_too_long", `${facts.lease.seconds} seconds`,
        `at most ${maximum}`);
    }
  });
  log.appraise("assessment", policy.assessment, "assessment", (demand) => appraiseAssessment(demand, manifest, log));
}

function appraiseCrossing(policy, service, log) {
  const bytes = service.boundaryBytes;
  const found = service.isEverythingInside ? "nothing crosses" : `${bytes} bytes cross`;
  const { value: isDemanded, reason } = policy.everythingInside;
  if (isDemanded) {
    log.note("everything-inside", service.isEverythingInside, "not_everything_inside", found, "nothing crosses");
  } else if (reason !== undefined) log.skip("everything-inside", reason);
  else if (policy.manifestDigest.value) {
    // A pinned manifest says whether anything crosses. Without one, the policy has to.
    log.skip("everything-inside", `not demanded; by the pinned manifest, ${found} to the host for each picture`);
  } else {
    log.note("everything-inside", false, "policy_incomplete",
      "a policy with neither 'manifestDigest' nor 'everythingInside'", "one of them, or a reason in 'skip' for each");
  }
  if (service.isEverythingInside) {
    // Nothing crosses, so bounds on size and noise do not apply.
    log.note("boundary", true, "", "nothing crosses to the host");
    log.note("noise", true, "", "nothing crosses to the host");
    return;
  }
  log.appraise("boundary", policy.maximumBoundaryBytes, "maximumBoundaryBytes", (maximum) => {
    log.note("boundary", bytes <= maximum, "boundary_too_large", `${bytes} bytes`, `at most ${maximum}`);
  });
  const text = (number) => (Number.isInteger(number) ? number.toFixed(1) : String(number));
  log.appraise("noise", policy.minimumSigma, "minimumSigma", (minimum) => {
    log.note("noise", service.sigma >= minimum, "noise_out_of_bounds", `sigma ${text(service.sigma)}`,
      `at least ${text(minimum)}`);
  });
  log.appraise("noise", policy.maximumSigma, "maximumSigma", (maximum) => {
    log.note("noise", service.sigma <= maximum, "noise_out_of_bounds", `sigma ${text(service.sigma)}`,
      `at most ${text(maximum)}`);
  });
}

function appraiseAssessment(demand, manifest, log) {
  try {
    const root = json.object(readJSON(manifest, "manifest.json"), "manifest.json");
    const recorded = json.object(json.member(root, "assessment", "manifest.json"), "assessment");
    const member = (key, read) => read(json.member(recorded, key, "assessment"), key);
    const status = member("status", json.string);
    const sha = member("sha256", json.string);
    const gates = member("gates", json.string);
    const protects = new Set(member("protected", json.array).map((one) => json.string(one, "protected")));
    const attackerPictures = member("attackerPictures", json.integer);
    const adversary = member("adversary", json.string);
    // Gates for the paper's adversary alone say nothing about an adversary who knows or imitates the FrontNet.
    const passes = member("passes", json.boolean) && ["informed", "both"].includes(adversary);
    // Only a digest alone demands no gates. Gates that the assessor chose can have any limits, and an attacker with one
    // picture learns nothing: what the policy leaves out is the default of `assess`.
    const isDigestOnly = demand.gates === null && demand.protects.length === 0 && demand.attackerPictures === null;
    const wantedGates = isDigestOnly ? null : demand.gates ?? "standard";
    const wantedPictures = isDigestOnly ? null : demand.attackerPictures ?? 100_000;
    const isHeld = status === "assessed" && (demand.sha256 === null || demand.sha256 === sha)
      && (isDigestOnly
        || (passes && (gates === "strict" || gates === wantedGates) && attackerPictures >= wantedPictures))
      && demand.protects.every((asset) => protects.has(asset));
    const known = ["standard", "strict"].includes(gates) ? gates : "no known gates";
    const expected = [
      demand.sha256, wantedGates,
      demand.protects.length > 0 ? `protecting ${[...demand.protects].sort().join(", ")}` : null,
      wantedPictures === null ? null : `against ${wantedPictures} pictures or more`,
    ];
    log.note("assessment", isHeld, "assessment_mismatch",
      `${status} ${sha} ${known} ${passes ? "passed" : "not passed"} against the adversary '${adversary}' with `
        + `${attackerPictures} pictures, protecting ${[...protects].sort().join(", ")}`,
      expected.filter((part) => part !== null).join(" "));
  } catch (error) {
    if (!(error instanceof FormatFault)) throw error;
    log.note("assessment", false, "malformed", error.message);
  }
}

/** A peer whose evidence passed every required check. Only `verifyService` makes one, and only a peer gets messages. */
export class VerifiedPeer {
  static #isMaking = false;

  /** @private */
  static make(members) {
    VerifiedPeer.#isMaking = true;
    return new VerifiedPeer(members);
  }

  constructor(members) {
    if (!VerifiedPeer.#isMaking) throw new TypeError("only verifyService makes a VerifiedPeer");
    VerifiedPeer.#isMaking = false;
    Object.assign(this, members);
    Object.freeze(this);
  }

  /** Whether the enclave serves: the owner has provisioned it and the lease has not ended. */
  get isProvisioned() {
    return this.facts.state === "provisioned";
  }
}

/** Certificates come from one source, loose or as a table: of two sources, the server's could take precedence. */
function mergedCollateral(document, own) {
  const certificates = ["vcek", "vlek", "intermediate", "auxblob"];
  const displaces = document.tee === "snp" && certificates.some((role) => role in own);
  const served = Object.entries(document.collateral).filter(([role]) => !(displaces && certificates.includes(role)));
  return { ...Object.fromEntries(served), ...own };
}

/**
 * Verifies that a document was made for this nonce by an enclave that the policy describes.
 *
 * @param {Uint8Array} json the evidence document as the server sent it
 * @param {object} options `policy`; `nonce`, 16 to 64 bytes that are used once; `time` in seconds since
 *   1970; `collateral`, the caller's own, which replaces the document's; `roots`, `seenBefore` and `development`
 *   as for `appraiseEvidence`
 * @returns {Promise<VerifiedPeer>} the only value to which messages can be encrypted
 * @throws {InfenclaveError} `attestationRejected` with the verdict, `invalidResponse`, `invalidInput`
 */
export async function verifyService(json, options) {
  const { policy, nonce, time, collateral = {}, roots = null, seenBefore = {}, development = "refuse" } = options;
  if (!(nonce instanceof Uint8Array) || nonce.length < 16 || nonce.length > 64) {
    throw new InfenclaveError("invalidInput", "the nonce has not 16 to 64 bytes");
  }
  const [document, fault] = await parsed(() => new EvidenceDocument(json));
  if (fault) throw new InfenclaveError("invalidResponse", `the server's evidence document: ${fault.message}`);
  const request = new VerificationRequest({
    tee: document.tee, evidence: document.evidence, collateral: mergedCollateral(document, collateral), time, roots,
    seenBefore,
  });
  const [log, claims] = [new CheckLog(), new Claims()];
  let bound = null;
  try {
    // Checked first: a TEE that the policy does not name is refused before its evidence is read.
    if (!policy.tee.has(document.tee)) {
      log.reject("tee-allowed", document.tee === "development" ? "development_not_accepted" : "wrong_tee",
        document.tee, [...policy.tee].sort().join(" or "));
    }
    await verifyEvidence(request, policy, development, claims, log);
    appraisePolicy(policy, request, true, claims, log);
    const [core, facts] = await checkBinding(policy, document, nonce, claims, log);
    appraiseService(policy, core, facts, document.manifest, log);
    bound = [core, facts];
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
  }
  const verdict = new Verdict(document.tee, log, claims);
  // A stage that ends without a failed check is a defect; then no peer is accepted.
  if (!bound || !verdict.isAccepted) {
    throw new InfenclaveError("attestationRejected", verdict.summary, {
      verdict, remedy: "send nothing to this server until the policy and the evidence agree",
    });
  }
  return VerifiedPeer.make({
    verdict, manifestCore: bound[0], facts: bound[1], manifest: document.manifest, epoch: document.epoch,
    keyConfiguration: document.keyConfiguration,
    manifestDigest: await sha256(document.manifestCore),
  });
}

// --- Manifests (protocol.md, section 9)

const PREPROCESSING_MEMBERS = ["width", "height", "channels", "resize", "interpolation", "mean", "std"];
const CHANNEL_COUNTS = { RGB: 3, BGR: 3, grey: 1 };

/** The members of preprocess.json as an object; an unknown member is refused, because it could change answers. */
function readPreprocessing(value, name) {
  const members = json.object(value, name);
  json.refuseMembers(members, PREPROCESSING_MEMBERS, name);
  const side = (object, key) => {
    const number = json.integer(json.member(object, key, name), key);
    if (number < 1 || number > 8192) throw new FormatFault(`${name}: ${key} is ${number}, expected 1 to 8192 pixels`);
    return number;
  };
  const choice = (object, key, known) => {
    const text = json.string(json.member(object, key, name), key);
    if (!known.includes(text)) throw new FormatFault(`${name}: ${key} is '${text}', expected ${known.join(", ")}`);
    return text;
  };
  const channels = choice(members, "channels", Object.keys(CHANNEL_COUNTS));
  const numbers = (key) => {
    const list = json.array(json.member(members, key, name), key).map((one) => json.number(one, key));
    if (list.length !== CHANNEL_COUNTS[channels]) throw new FormatFault(`${name}: ${key} has ${list.length} values`);
    return list;
  };
  const [width, height] = [side(members, "width"), side(members, "height")];
  const given = json.object(json.member(members, "resize", name), "resize");
  const resize = { mode: choice(given, "mode", ["shorterSide", "stretch", "letterbox", "darknetLetterbox", "none"]) };
  const known = { shorterSide: ["length", "rounding"], stretch: ["width", "height", "rounding"], letterbox: ["fill"] }[resize.mode] ?? [];
  json.refuseMembers(given, ["mode", ...known], "resize");
  if (given.has("rounding")) resize.rounding = choice(given, "rounding", ["torchvision", "transformers"]);
  if (resize.mode === "shorterSide") {
    resize.length = side(given, "length");
    if (resize.length < Math.min(width, height)) throw new FormatFault(`${name}: the shorter side is under the crop's`);
  }
  if (resize.mode === "stretch" && given.size > 1) {
    [resize.width, resize.height] = [side(given, "width"), side(given, "height")];
    if (resize.width < width || resize.height < height) throw new FormatFault(`${name}: resize is under the crop's size`);
  }
  if (resize.mode === "letterbox") {
    resize.fill = json.integer(json.member(given, "fill", "resize"), "fill");
    if (resize.fill < 0 || resize.fill > 255) throw new FormatFault(`${name}: fill is ${resize.fill}, expected 0 to 255`);
  }
  return {
    width, height, channels, resize, interpolation: choice(members, "interpolation", ["bilinear", "bicubic"]),
    mean: numbers("mean"), std: numbers("std"),
  };
}

/** `manifest.json`, which has to agree with its signed core. */
export class Manifest {
  constructor(bytes, core) {
    const name = "manifest.json";
    if (bytes.length > 1 << 20) throw new FormatFault(`${name} has ${bytes.length} bytes; expected at most ${1 << 20}`);
    const root = json.object(readJSON(bytes, name), name);
    const at = (path, read = json.string) => {
      let value = root;
      for (const key of path.split(".")) value = json.member(json.object(value, path), key, name);
      return read(value, path);
    };
    const { service } = core;
    if (at("formatVersion", json.integer) !== 2) throw new FormatFault(`${name}: formatVersion is not 2`, "unsupported");
    const require = (isHeld, member) => {
      if (!isHeld) throw new FormatFault(`${name}: ${member} is not what the signed manifest core says`);
    };
    const integers = (value, key) => json.array(value, key).map((one) => json.integer(one, key));
    const strings = (value, key) => json.array(value, key).map((one) => json.string(one, key));
    this.identifier = at("identifier");
    require(this.identifier === hex(core.identifier), "identifier");
    require(at("ownerPublicKey") === hex(core.ownerPublicKey), "ownerPublicKey");
    require(at("input.shape", integers).join() === [1, service.channels, service.height, service.width].join(), "input.shape");
    require(at("input.elements", strings).join() === (service.acceptsFloats ? "u8,f32" : "u8"), "input.elements");
    this.preprocessing = at("input.preprocessing", readPreprocessing);
    const { channels, height, width } = this.preprocessing;
    require([CHANNEL_COUNTS[channels], height, width].join() === [service.channels, service.height, service.width].join(),
      "input.preprocessing");
    // The manifest's value covers the BackNet too, whose precision may be lower.
    require(["f32", "bf16", "int8"].indexOf(at("precision")) >= service.precision - 1, "precision");
    require(at("cuts.everythingInside", json.boolean) === service.isEverythingInside, "cuts.everythingInside");
    for (const [key, types] of [["toBackNet", service.toHost], ["fromBackNet", service.fromHost]]) {
      const listed = at(`boundary.${key}`, json.array).map((one) => {
        const tensor = json.object(one, key);
        const member = (part, read) => read(json.member(tensor, part, key), part);
        member("tensor", json.string);
        return [member("type", json.string), member("shape", integers), member("bytes", json.integer)].join();
      });
      require(listed.join(";") === types.map(({ type, shape, bytes }) => [type, shape, bytes].join()).join(";"),
        `boundary.${key}`);
    }
    const boundary = at("boundary", json.object);
    require((boundary.has("sigma") ? json.number(boundary.get("sigma"), "sigma") : 0) === service.sigma, "boundary.sigma");
    this.classes = at("classes", json.integer);
    this.topK = at("topK", json.integer);
    require(this.classes === service.classes, "classes");
    require(this.topK === service.topK, "topK");
    const parts = at("parts", json.array).map((one) => {
      const part = json.object(one, "parts");
      const member = (key, read) => read(json.member(part, key, "parts"), key);
      const file = member("file", json.string);
      return [file, member("bytes", json.integer), member("sha256", json.string), member("sealed", json.boolean)].join();
    });
    const signed = [...core.parts].map(([kind, { bytes: count, digest: partDigest }]) =>
      [PART_FILES[kind], count, hex(partDigest), kind < 3].join());
    require(parts.sort().join(";") === signed.sort().join(";"), "parts");
    this.modelName = printable(at("model.name"));
    this.inputName = printable(at("input.name"));
    this.cuts = { front: printable(at("cuts.front")), mapping: printable(at("cuts.mapping")) };
    this.assessment = { status: at("assessment.status"), headline: printable(at("assessment.headline")) };
  }
}

// --- Key configurations (protocol.md, section 4)

const KEM = { xWing: 0x647a, x25519: 0x0020 };
const PUBLIC_KEY_BYTES = { [KEM.xWing]: 1216, [KEM.x25519]: 32 };
const KDF_SHA256 = 0x0001;
const AEAD_AES256 = 0x0002;

const hasMLKEM = (async () => {
  try {
    await subtle.generateKey({ name: "ML-KEM-768" }, false, ["encapsulateBits", "decapsulateBits"]);
    return typeof subtle.encapsulateBits === "function";
  } catch {
    return false;
  }
})();

/** Whether this browser encrypts requests with X-Wing (post-quantum); otherwise it uses X25519 alone. */
export const supportsXWing = () => hasMLKEM;

/** The key for encryption: X-Wing if the browser has ML-KEM, else X25519. Unknown KEMs are ignored. */
async function preferredKey(bytes) {
  const what = "key configurations";
  const list = new Reader(bytes, what);
  const keys = new Map();
  const identifiers = new Set();
  while (list.remaining > 0) {
    const reader = new Reader(list.take(list.bigEndian(2, "length"), "a configuration"), "a key configuration");
    const identifier = reader.bigEndian(1, "key identifier");
    if (identifiers.has(identifier)) throw new FormatFault(`${what}: two keys have the identifier ${identifier}`);
    identifiers.add(identifier);
    const kem = reader.bigEndian(2, "KEM");
    if (!PUBLIC_KEY_BYTES[kem]) continue;
    const publicKey = reader.take(PUBLIC_KEY_BYTES[kem], "public key");
    const length = reader.bigEndian(2, "length of the symmetric algorithms");
    if (length < 4 || length % 4 !== 0 || length !== reader.remaining) {
      throw new FormatFault(`${what}: ${length} bytes of symmetric algorithms, found ${reader.remaining}`);
    }
    let isStandard = false;
    while (reader.remaining > 0) {
      const [kdf, aead] = [reader.bigEndian(2, "KDF"), reader.bigEndian(2, "AEAD")];
      isStandard ||= kdf === KDF_SHA256 && aead === AEAD_AES256;
    }
    if (isStandard && !keys.has(kem)) keys.set(kem, { identifier, kem, publicKey });
  }
  const key = (await hasMLKEM ? keys.get(KEM.xWing) : null) ?? keys.get(KEM.x25519);
  if (!key) {
    throw new FormatFault("the enclave offers no key for X-Wing or X25519 with HKDF-SHA256 and AES-256-GCM", "unsupported");
  }
  return key;
}

// --- HPKE (RFC 9180) and X-Wing (draft-connolly-cfrg-xwing-kem)

async function hmac(key, ...parts) {
  // HMAC pads a key with zeros; WebCrypto does not accept an empty one.
  const secret = key.length === 0 ? new Uint8Array(32) : key;
  const imported = await subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, concatenated(...parts)));
}

/** HKDF-Expand for at most 32 bytes (RFC 5869). */
async function expand(key, info, count) {
  return (await hmac(key, info, 1)).subarray(0, count);
}

const bigEndian16 = (...values) => Uint8Array.from(values.flatMap((value) => [value >> 8, value & 255]));
const labeledExtract = (suite, salt, label, secret) => hmac(salt, utf8("HPKE-v1"), suite, utf8(label), secret);
const labeledExpand = (suite, key, label, info, count) =>
  expand(key, concatenated(bigEndian16(count), utf8("HPKE-v1"), suite, utf8(label), info), count);

/** SHA3-256 (FIPS 202) of fewer than 136 bytes, one block, as X-Wing needs it. */
function sha3Block(message) {
  const mask = (1n << 64n) - 1n;
  const rotate = (value, count) => ((value << count) | (value >> (64n - count))) & mask;
  const block = new Uint8Array(136);
  block.set(message);
  block[message.length] = 0x06;
  block[135] |= 0x80;
  const view = new DataView(block.buffer);
  /** Lane (x, y) is at x + 5 y. */
  const state = Array.from({ length: 25 }, (_, index) => (index < 17 ? view.getBigUint64(8 * index, true) : 0n));
  let register = 1;
  for (let round = 0; round < 24; round += 1) {
    const parity = [0, 1, 2, 3, 4].map((x) => [0, 5, 10, 15, 20].reduce((sum, y) => sum ^ state[x + y], 0n));
    for (let index = 0; index < 25; index += 1) {
      state[index] ^= parity[(index + 4) % 5] ^ rotate(parity[(index + 1) % 5], 1n);
    }
    // Rotations and places of the lanes.
    let [x, y] = [1, 0];
    let lane = state[1];
    for (let step = 0; step < 24; step += 1) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      const moved = rotate(lane, BigInt(((step + 1) * (step + 2) / 2) % 64));
      [lane, state[x + 5 * y]] = [state[x + 5 * y], moved];
    }
    for (let row = 0; row < 25; row += 5) {
      const old = state.slice(row, row + 5);
      for (let column = 0; column < 5; column += 1) {
        state[row + column] = old[column] ^ (~old[(column + 1) % 5] & mask & old[(column + 2) % 5]);
      }
    }
    // The round's constant comes from a shift register.
    for (let bit = 0; bit < 7; bit += 1) {
      if (register & 1) state[0] ^= 1n << BigInt((1 << bit) - 1);
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    }
  }
  return concatenated(...state.slice(0, 4).map((value) => littleEndian(8, value)));
}

/** An X25519 key agreement with a fresh key: `[shared secret, own public key]`. */
async function agree(publicKey) {
  const own = await subtle.generateKey("X25519", false, ["deriveBits"]);
  const peer = await subtle.importKey("raw", publicKey, "X25519", false, []);
  const secret = new Uint8Array(await subtle.deriveBits({ name: "X25519", public: peer }, own.privateKey, 256));
  if (isZero(secret)) throw new FormatFault("an X25519 key of small order");
  return [secret, new Uint8Array(await subtle.exportKey("raw", own.publicKey))];
}

/** `[shared secret, encapsulated key]`. */
async function encapsulate(kem, publicKey) {
  if (kem === KEM.x25519) {
    const suite = concatenated(utf8("KEM"), bigEndian16(kem));
    const [agreed, own] = await agree(publicKey);
    const pseudorandom = await labeledExtract(suite, new Uint8Array(), "eae_prk", agreed);
    return [await labeledExpand(suite, pseudorandom, "shared_secret", concatenated(own, publicKey), 32), own];
  }
  const [lattice, curve] = [publicKey.subarray(0, 1184), publicKey.subarray(1184)];
  const key = await subtle.importKey("raw-public", lattice, { name: "ML-KEM-768" }, false, ["encapsulateBits"]);
  const encapsulated = await subtle.encapsulateBits({ name: "ML-KEM-768" }, key);
  const [agreed, own] = await agree(curve);
  const secret = sha3Block(
    concatenated(new Uint8Array(encapsulated.sharedKey), agreed, own, curve, utf8("\\.//^\\")));
  return [secret, concatenated(new Uint8Array(encapsulated.ciphertext), own)];
}

async function aesGCM(operation, key, nonce, data) {
  const imported = await subtle.importKey("raw", key, "AES-GCM", false, [operation]);
  return new Uint8Array(await subtle[operation]({ name: "AES-GCM", iv: nonce }, imported, data));
}

/** Encrypts a binary request to an enclave's key (RFC 9458, section 4.3). Each call uses a new encapsulated key. */
async function sealRequest({ identifier, kem, publicKey }, request) {
  const header = concatenated(identifier, bigEndian16(kem, KDF_SHA256, AEAD_AES256));
  const suite = concatenated(utf8("HPKE"), bigEndian16(kem, KDF_SHA256, AEAD_AES256));
  const [shared, encapsulated] = await encapsulate(kem, publicKey);
  const none = new Uint8Array();
  const context = concatenated(
    0, await labeledExtract(suite, none, "psk_id_hash", none),
    await labeledExtract(suite, none, "info_hash", concatenated(utf8("message/bhttp request\0"), header)));
  const secret = await labeledExtract(suite, shared, "secret", none);
  const [key, nonce, exporter] = [
    await labeledExpand(suite, secret, "key", context, 32), await labeledExpand(suite, secret, "base_nonce", context, 12),
    await labeledExpand(suite, secret, "exp", context, 32),
  ];
  const exported = await labeledExpand(suite, exporter, "sec", utf8("message/bhttp response"), 32);
  return {
    message: concatenated(header, encapsulated, await aesGCM("encrypt", key, nonce, request)),
    /** @returns {Promise<Uint8Array>} the binary response in the encrypted answer */
    async open(answer) {
      if (answer.length < 48) throw new FormatFault(`the sealed answer has ${answer.length} bytes; expected 48 or more`);
      const pseudorandom = await hmac(concatenated(encapsulated, answer.subarray(0, 32)), exported);
      const [answerKey, answerNonce] = [
        await expand(pseudorandom, utf8("key"), 32), await expand(pseudorandom, utf8("nonce"), 12),
      ];
      try {
        return await aesGCM("decrypt", answerKey, answerNonce, answer.subarray(32));
      } catch {
        throw new FormatFault("the answer does not open: it was altered on the way, or is another request's");
      }
    },
  };
}

// --- Binary HTTP (RFC 9292), requests and answers (protocol.md, sections 5 to 7)

/** A variable-length integer (RFC 9000, section 16). */
function variableLength(value) {
  if (value < 64) return Uint8Array.of(value);
  if (value < 16_384) return bigEndian16(0x4000 | value);
  return littleEndian(4, value).reverse().map((byte, index) => (index === 0 ? byte | 0x80 : byte));
}

const counted = (bytes) => concatenated(variableLength(bytes.length), bytes);
const REQUEST_TYPE = "application/vnd.infenclave.request";
const ANSWER_TYPE = "application/vnd.infenclave.answer";

/** @param {{element: "u8"|"f32", shape: number[], data: Uint8Array}} tensor */
function encodeRequest(authority, token, { element, shape, data }) {
  const body = concatenated(
    1, element === "f32" ? 1 : 2, shape.length, 0, token, ...shape.map((extent) => littleEndian(4, extent)), data);
  const field = concatenated(counted(utf8("content-type")), counted(utf8(REQUEST_TYPE)));
  return concatenated(
    0, counted(utf8("POST")), counted(utf8("https")), counted(utf8(authority)), counted(utf8("/v1/classify")),
    counted(field), counted(body), 0);
}

class BinaryReader extends Reader {
  variableLength(field) {
    const first = this.take(1, field)[0];
    const rest = this.take((1 << (first >> 6)) - 1, field);
    const value = rest.reduce((sum, byte) => sum * 256 + byte, first & 63);
    if (!Number.isSafeInteger(value)) throw new FormatFault(`${this.what}: ${field} is out of range`);
    return value;
  }

  /** The fields of a section by name. A section that is missing at the end of a message is empty. */
  fields(isKnownLength) {
    const fields = new Map();
    if (this.remaining === 0) return fields;
    const section = isKnownLength
      ? new BinaryReader(this.take(this.variableLength("length of fields"), "fields"), this.what) : this;
    while (section.remaining > 0) {
      const count = section.variableLength("length of a field name");
      if (count === 0 && !isKnownLength) return fields;
      const name = textOf(section.take(count, "field name"), "a field name");
      if (fields.size === 64 || !/^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name)) {
        throw new FormatFault(`${this.what}: over 64 fields, or a name with characters that it must not have`);
      }
      fields.set(name, textOf(section.take(section.variableLength("length of a field"), "field value"), "a field value"));
    }
    if (!isKnownLength) throw new FormatFault(`${this.what}: fields without an end`);
    return fields;
  }

  content(isKnownLength) {
    if (this.remaining === 0) return new Uint8Array();
    if (isKnownLength) return this.take(this.variableLength("length of the content"), "content");
    const chunks = [];
    for (;;) {
      const count = this.variableLength("length of a chunk");
      if (count === 0) return concatenated(...chunks);
      if (chunks.length === 1024) throw new FormatFault(`${this.what}: over 1024 chunks`);
      chunks.push(this.take(count, "a chunk"));
    }
  }
}

/** The content of a binary response with status 200 that is an answer. */
function readBinaryResponse(bytes) {
  const reader = new BinaryReader(bytes, "binary HTTP response");
  const framing = reader.variableLength("framing indicator");
  if (framing !== 1 && framing !== 3) throw new FormatFault(`framing indicator ${framing} is not that of a response`);
  let status = reader.variableLength("status");
  for (let interim = 0; status >= 100 && status < 200; interim += 1) {
    if (interim === 8) throw new FormatFault("over 8 informational responses");
    reader.fields(framing === 1);
    status = reader.variableLength("status");
  }
  const fields = reader.fields(framing === 1);
  const content = reader.content(framing === 1);
  reader.fields(framing === 1);
  reader.zeros(reader.remaining, "padding");
  if (status !== 200 || fields.get("content-type") !== ANSWER_TYPE) {
    throw new FormatFault(`expected status 200 with ${ANSWER_TYPE}, found status ${status}`);
  }
  return content;
}

/** `{status, entries}`; a refusal has no entries. */
function readAnswer(content, service) {
  const reader = new Reader(content, "answer");
  const version = reader.number(1, "version");
  if (version !== 1) throw new FormatFault(`answer: version ${version}, expected 1`, "unsupported");
  reader.zeros(1, "reserved byte");
  const [status, count, width] = [
    reader.number(2, "status"), reader.number(2, "class count"), reader.number(2, "name width"),
  ];
  if (count !== service.topK || width > 1024 || reader.remaining !== count * (10 + width)) {
    throw new FormatFault(`answer: ${content.length} bytes do not hold ${count} classes, or others than were attested`);
  }
  if (status !== 0) {
    reader.zeros(reader.remaining, "an entry of a refusal");
    return { status, entries: [] };
  }
  const entries = Array.from({ length: count }, () => {
    const index = reader.number(4, "class index");
    const bytes = reader.take(4, "probability");
    const probability = new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
    const length = reader.number(2, "length of a name");
    if (!(probability >= 0 && probability <= 1) || length > width || index >= service.classes) {
      throw new FormatFault("answer: an index, a probability or the length of a name is out of range");
    }
    const name = textOf(reader.take(length, "name"), "a name");
    reader.zeros(width - length, "padding of a name");
    return { index, name, probability };
  });
  return { status, entries };
}

/** The meaning of an answer's statuses: `[code, refusal, message, remedy]`. */
const ANSWER_STATUSES = {
  1: ["refused", "malformedRequest", "the enclave could not read the request", "use the version of infenclave that the server runs"],
  2: ["unknownToken", "unknownToken", "the owner did not list this access token",
    "ask the owner to provision again with this token listed"],
  3: ["invalidInput", "wrongTensorType", "the model takes another type or shape, or a number is not finite", ""],
  4: ["refused", "replayedRequest", "the enclave has received this message before", ""],
  5: ["refused", "overLimit", "this client has used up its requests of the present lease",
    "ask the owner for more, or wait until the owner provisions again"],
  6: ["refused", "outsideFailed", "the host's part of the network failed", "try again; if this persists, tell the operator"],
  7: ["refused", "failed", "the enclave failed", "try again; if this persists, tell the operator"],
  8: ["refused", "leaseEnded", "the owner's lease for the enclave has ended",
    "the owner runs `infenclave provision` again; then attest again"],
  9: ["refused", "tooManyRequests", "this client sends more requests a minute than the owner allows",
    "try again in some seconds"],
};

// --- Pictures, equal in every pixel to Pillow's resizing (deploying.md, preprocess.json)

const MAXIMUM_SIDE = 65_535;
const MAXIMUM_PIXELS = 64 << 20;

/** A picture of 8 bits a channel: 1 (grey) or 3 (RGB) channels, interleaved, rows from top to bottom without padding. */
export class Picture {
  constructor(width, height, channels, pixels) {
    Picture.check(width, height);
    if (![1, 3].includes(channels) || pixels.length !== width * height * channels) {
      throw new InfenclaveError("invalidInput",
        `${pixels.length} bytes are no picture of ${width}x${height} pixels with 1 or 3 channels`);
    }
    Object.assign(this, { width, height, channels, pixels });
  }

  static check(width, height) {
    if (width >= 1 && height >= 1 && width <= MAXIMUM_SIDE && height <= MAXIMUM_SIDE
      && width * height <= MAXIMUM_PIXELS) return;
    throw new InfenclaveError("invalidInput", `the picture has ${width}x${height} pixels, or would need as many between`,
      { remedy: `crop it to at most ${MAXIMUM_SIDE} pixels a side and ${MAXIMUM_PIXELS >> 20} million in all` });
  }

  /**
   * Decodes what the browser can decode: JPEG, PNG, WebP and more, upright, over black where it is transparent. Without
   * colour management, like other clients.
   *
   * @param {Blob|ImageBitmap|HTMLImageElement|HTMLVideoElement|HTMLCanvasElement} source
   */
  static async decode(source) {
    const orientation = source instanceof Blob ? await webPOrientation(source) : null;
    let bitmap;
    try {
      bitmap = await createImageBitmap(source, {
        imageOrientation: orientation === null ? "from-image" : "none", premultiplyAlpha: "none",
        colorSpaceConversion: "none",
      });
    } catch {
      throw new InfenclaveError("invalidInput", "the browser cannot decode this picture",
        { remedy: "give a JPEG, PNG or WebP file that is not damaged" });
    }
    try {
      const { width, height } = bitmap;
      Picture.check(width, height);
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
      if (!context) throw new InfenclaveError("invalidInput", `the browser has no room for ${width}x${height} pixels`);
      context.drawImage(bitmap, 0, 0);
      const rgba = context.getImageData(0, 0, width, height).data;
      const pixels = new Uint8Array(width * height * 3);
      for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
        pixels[to] = rgba[from];
        pixels[to + 1] = rgba[from + 1];
        pixels[to + 2] = rgba[from + 2];
      }
      return new Picture(width, height, 3, pixels).#upright(orientation ?? 1);
    } finally {
      bitmap.close();
    }
  }

  /** The upright picture, from one that is stored with an orientation of Exif (1 to 8). */
  #upright(orientation) {
    if (orientation === 1) return this;
    const { width, height, channels } = this;
    const [newWidth, newHeight] = orientation >= 5 ? [height, width] : [width, height];
    const [right, bottom] = [width - 1, (height - 1) * width];
    // The source of the new pixel (x, y) is first + x * stepX + y * stepY, in pixels.
    const [first, stepX, stepY] = {
      2: [right, -1, width], 3: [bottom + right, -1, -width], 4: [bottom, 1, -width], 5: [0, width, 1],
      6: [bottom, -width, 1], 7: [bottom + right, -width, -1], 8: [right, width, -1],
    }[orientation];
    const pixels = new Uint8Array(this.pixels.length);
    let target = 0;
    for (let y = 0; y < newHeight; y += 1) {
      for (let x = 0; x < newWidth; x += 1) {
        const from = (first + x * stepX + y * stepY) * channels;
        for (let channel = 0; channel < channels; channel += 1) {
          pixels[target] = this.pixels[from + channel];
          target += 1;
        }
      }
    }
    return new Picture(newWidth, newHeight, channels, pixels);
  }

  /** Three channels; grey becomes three equal ones. */
  rgb() {
    if (this.channels === 3) return this;
    const pixels = new Uint8Array(this.pixels.length * 3);
    this.pixels.forEach((value, index) => pixels.fill(value, 3 * index, 3 * index + 3));
    return new Picture(this.width, this.height, 3, pixels);
  }

  /** One channel; colour becomes its luma (ITU-R BT.601) in 16-bit fixed point, as Pillow's mode L. */
  grey() {
    if (this.channels === 1) return this;
    const pixels = new Uint8Array(this.width * this.height);
    for (let index = 0; index < pixels.length; index += 1) {
      const [red, green, blue] = [this.pixels[3 * index], this.pixels[3 * index + 1], this.pixels[3 * index + 2]];
      pixels[index] = (red * 19_595 + green * 38_470 + blue * 7471 + 0x8000) >>> 16;
    }
    return new Picture(this.width, this.height, 1, pixels);
  }

  cropped(left, top, width, height) {
    if (width === this.width && height === this.height) return this;
    const row = width * this.channels;
    const pixels = new Uint8Array(row * height);
    for (let y = 0; y < height; y += 1) {
      const start = ((top + y) * this.width + left) * this.channels;
      pixels.set(this.pixels.subarray(start, start + row), y * row);
    }
    return new Picture(width, height, this.channels, pixels);
  }

  /** Two passes, rows first, each rounding to 8 bits; a pass that would not change the size is omitted. */
  resized(width, height, interpolation) {
    Picture.check(width, height);
    Picture.check(width, this.height);
    let picture = this;
    if (width !== this.width) picture = picture.#resampled(resampleWeights(this.width, width, interpolation), true);
    if (height !== this.height) picture = picture.#resampled(resampleWeights(this.height, height, interpolation), false);
    return picture;
  }

  #resampled({ starts, counts, weights, stride }, isAlongRows) {
    const { channels } = this;
    const [width, height] = isAlongRows ? [starts.length, this.height] : [this.width, starts.length];
    const pixels = new Uint8Array(width * height * channels);
    const step = isAlongRows ? channels : this.width * channels;
    let target = 0;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const position = isAlongRows ? x : y;
        const first = isAlongRows
          ? (y * this.width + starts[x]) * channels : (starts[y] * this.width + x) * channels;
        for (let channel = 0; channel < channels; channel += 1) {
          // One half in fixed point, so that the shift rounds.
          let sum = 1 << (PRECISION - 1);
          for (let tap = 0, source = first + channel; tap < counts[position]; tap += 1, source += step) {
            sum = (sum + Math.imul(this.pixels[source], weights[position * stride + tap])) | 0;
          }
          pixels[target] = Math.max(0, Math.min(255, sum >> PRECISION));
          target += 1;
        }
      }
    }
    return new Picture(width, height, channels, pixels);
  }

  /** Bilinear between the four nearest pixels, corners on corners, as Darknet's `resize_image`, in 32-bit floats. */
  cornerAligned(width, height) {
    Picture.check(width, height);
    const f = Math.fround;
    const samples = (extent, newExtent) => {
      const scale = newExtent > 1 ? f(f(extent - 1) / f(newExtent - 1)) : 0;
      return Array.from({ length: newExtent }, (_, position) => {
        // The last position is the last pixel, regardless of rounding.
        if (position === newExtent - 1) return [extent - 1, extent - 1, 0];
        const place = Math.min(f(position * scale), extent - 1);
        const first = Math.trunc(place);
        return [first, Math.min(first + 1, extent - 1), f(place - first)];
      });
    };
    const [columns, rows] = [samples(this.width, width), samples(this.height, height)];
    const { channels } = this;
    const pixels = new Uint8Array(width * height * channels);
    const between = (a, b, weight) => f(a + f(weight * f(b - a)));
    let target = 0;
    for (const [above, below, down] of rows) {
      for (const [left, right, across] of columns) {
        for (let channel = 0; channel < channels; channel += 1) {
          const at = (row, column) => this.pixels[(row * this.width + column) * channels + channel];
          const top = between(at(above, left), at(above, right), across);
          const bottom = between(at(below, left), at(below, right), across);
          pixels[target] = Math.floor(f(between(top, bottom, down)) + 0.5);
          target += 1;
        }
      }
    }
    return new Picture(width, height, channels, pixels);
  }

  /** This picture centred in a larger one that is filled with one value. */
  framed(width, height, fill) {
    const { channels } = this;
    const pixels = new Uint8Array(width * height * channels).fill(fill);
    const [left, top] = [Math.floor((width - this.width) / 2), Math.floor((height - this.height) / 2)];
    const row = this.width * channels;
    for (let y = 0; y < this.height; y += 1) {
      pixels.set(this.pixels.subarray(y * row, (y + 1) * row), ((top + y) * width + left) * channels);
    }
    return new Picture(width, height, channels, pixels);
  }

  /** The picture as the enclave gets it, resized and cropped, in RGB or grey, for people. */
  fitted(preprocessing) {
    const { width, height, resize, interpolation } = preprocessing;
    const converted = preprocessing.channels === "grey" ? this.grey() : this.rgb();
    const [newWidth, newHeight] = resizedSides(this, preprocessing);
    if (resize.mode === "darknetLetterbox") return converted.cornerAligned(newWidth, newHeight).framed(width, height, 128);
    const resized = converted.resized(newWidth, newHeight, interpolation);
    if (resize.mode === "letterbox") return resized.framed(width, height, resize.fill);
    if (newWidth < width || newHeight < height) {
      throw new InfenclaveError("invalidInput",
        `the picture has ${newWidth}x${newHeight} pixels${newWidth === this.width ? "" : " after resizing"}, `
          + `the crop needs ${width}x${height}`);
    }
    const margin = (total) => (resize.rounding === "torchvision" ? roundedQuotient(total, 2) : Math.floor(total / 2));
    return resized.cropped(margin(newWidth - width), margin(newHeight - height), width, height);
  }

  /** The tensor that is encrypted: u8 [1, height, width, channels], with the model's order of channels. */
  tensor(preprocessing) {
    const { width, height, channels, pixels } = this.fitted(preprocessing);
    const data = pixels.slice();
    if (preprocessing.channels === "BGR") {
      for (let pixel = 0; pixel < data.length; pixel += 3) {
        [data[pixel], data[pixel + 2]] = [data[pixel + 2], data[pixel]];
      }
    }
    return { element: "u8", shape: [1, height, width, channels], data };
  }
}

/**
 * The orientation in the Exif data of a WebP file, which browsers ignore; 1, upright, if there is none; null for a file of
 * another kind, whose orientation browsers apply.
 *
 * Sources: WebP container specification, extended file format; Exif 2.32, section 4.6.4, tag 0x0112; TIFF 6.0, section 2.
 */
async function webPOrientation(file) {
  const read = async (offset, count) => {
    const bytes = await file.slice(offset, offset + count).arrayBuffer().catch(() => new ArrayBuffer(0));
    return new DataView(bytes);
  };
  const name = (view, offset) => String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
  const head = await read(0, 12);
  if (head.byteLength < 12 || name(head, 0) !== "RIFF" || name(head, 8) !== "WEBP") return null;
  let position = 12;
  for (let chunks = 0; chunks < 64; chunks += 1) {
    const chunk = await read(position, 8);
    if (chunk.byteLength < 8) return 1;
    const count = chunk.getUint32(4, true);
    // The tag stands near the start of the data.
    if (name(chunk, 0) === "EXIF") return exifOrientation(await read(position + 8, Math.min(count, 65_536)));
    position += 8 + count + (count % 2);
  }
  return 1;
}

function exifOrientation(data) {
  const prefixed = data.byteLength > 6 && data.getUint32(0) === 0x45786966;
  const tiff = prefixed ? new DataView(data.buffer, data.byteOffset + 6, data.byteLength - 6) : data;
  const short = (offset) => (offset + 2 <= tiff.byteLength ? tiff.getUint16(offset, isLittle) : -1);
  const long = (offset) => (offset + 4 <= tiff.byteLength ? tiff.getUint32(offset, isLittle) : -1);
  let isLittle = false;
  const order = short(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  isLittle = order === 0x4949;
  const directory = long(4);
  if (short(2) !== 42 || directory < 0) return 1;
  for (let entry = 0; entry < short(directory); entry += 1) {
    const offset = directory + 2 + 12 * entry;
    const tag = short(offset);
    if (tag < 0) return 1;
    // One value of type SHORT lies in the first two bytes of the value field.
    if (tag === 0x0112 && short(offset + 2) === 3 && long(offset + 4) === 1) {
      const value = short(offset + 8);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

/** Fractional bits of a weight: 32, less 8 for the pixel and 2 for negative lobes and carries. */
const PRECISION = 32 - 8 - 2;

/**
 * For each new position along one axis, which old ones contribute, with which fixed-point weight: the filter is stretched by
 * the factor when shrinking, weights are normalised in double precision, then rounded half away from zero.
 */
function resampleWeights(input, output, interpolation) {
  const [support, weight] = {
    bilinear: [1, (x) => (x < 1 ? 1 - x : 0)],
    // Keys, IEEE ASSP 29(6), 1981, with a = -0.5.
    bicubic: [2, (x) => {
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    }],
  }[interpolation];
  const scale = input / output;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const stride = Math.ceil(reach) * 2 + 1;
  const [starts, counts] = [new Int32Array(output), new Int32Array(output)];
  const weights = new Int32Array(output * stride);
  for (let position = 0; position < output; position += 1) {
    const center = (position + 0.5) * scale;
    const start = Math.max(Math.trunc(center - reach + 0.5), 0);
    const end = Math.min(Math.trunc(center + reach + 0.5), input);
    const raw = [];
    let sum = 0;
    for (let tap = start; tap < end; tap += 1) {
      raw.push(weight(Math.abs((tap - center + 0.5) * (1 / stretch))));
      sum += raw.at(-1);
    }
    for (const [tap, value] of raw.entries()) {
      const normalized = sum === 0 ? value : value / sum;
      weights[position * stride + tap] = Math.trunc(normalized * 2 ** PRECISION + (normalized < 0 ? -0.5 : 0.5));
    }
    starts[position] = start;
    counts[position] = end - start;
  }
  return { starts, counts, weights, stride };
}

/** To nearest, halves to even, as Python's `round` does. */
function roundedQuotient(numerator, denominator) {
  const quotient = Math.floor(numerator / denominator);
  const remainder = numerator - quotient * denominator;
  return 2 * remainder > denominator || (2 * remainder === denominator && quotient % 2 === 1) ? quotient + 1 : quotient;
}

function resizedSides({ width, height }, preprocessing) {
  const { width: newWidth, height: newHeight, resize } = preprocessing;
  const floor = (numerator, denominator) => Math.floor(numerator / denominator);
  switch (resize.mode) {
    case "stretch": return [resize.width ?? newWidth, resize.height ?? newHeight];
    case "shorterSide": {
      const { length } = resize;
      const round = resize.rounding ? floor : roundedQuotient;
      return width <= height ? [length, round(height * length, width)] : [round(width * length, height), length];
    }
    case "letterbox":
      return width * newHeight >= height * newWidth
        ? [newWidth, Math.max(1, roundedQuotient(height * newWidth, width))]
        : [Math.max(1, roundedQuotient(width * newHeight, height)), newHeight];
    case "darknetLetterbox":
      return width * newHeight > height * newWidth
        ? [newWidth, Math.max(1, floor(height * newWidth, width))]
        : [Math.max(1, floor(width * newHeight, height)), newHeight];
    default: return [width, height];
  }
}

// --- HTTP and sessions

/** Reads an access token: 32 bytes, or the text of the file that `infenclave token` wrote. */
function readToken(token) {
  if (token instanceof Uint8Array && token.length === 32) return token.slice();
  const prefix = "infenclave-token-v1:";
  const text = typeof token === "string" ? token.replace(/\n$/, "") : "";
  const bytes = text.startsWith(prefix) ? unbase64(text.slice(prefix.length)) : null;
  if (bytes?.length === 32) return bytes;
  throw new InfenclaveError("invalidConfiguration", "this is no access token",
    { remedy: `pass 32 bytes, or the text of a token file, '${prefix}' and 44 characters of base64` });
}

/** HTTP to one server, without cookies, referrer or redirection. */
class Transport {
  constructor(server, timeout) {
    let url;
    try {
      url = new URL(server);
    } catch {
      url = null;
    }
    if (!url || !["http:", "https:"].includes(url.protocol) || url.username || url.password || url.search || url.hash) {
      throw new InfenclaveError("invalidConfiguration", "this is no server address",
        { remedy: "write it as https://HOST:PORT, without a user, a query or a fragment" });
    }
    this.base = url.origin + url.pathname.replace(/\/+$/, "");
    this.authority = url.host;
    this.timeout = timeout;
    // A balancer can route all requests to one server by it. There are only 256 values, so it does not identify a
    // client.
    this.route = hex(crypto.getRandomValues(new Uint8Array(1)));
  }

  /** The body and content type of the answer; refusals are thrown. */
  async send(path, { body = null, contentType = null, maximumBytes, signal = null }) {
    const limit = AbortSignal.timeout(this.timeout);
    let response;
    let bytes;
    try {
      response = await fetch(this.base + path, {
        method: body ? "POST" : "GET", body,
        headers: { "infenclave-route": this.route, ...(contentType ? { "content-type": contentType } : {}) },
        mode: "cors", credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      bytes = await Transport.#bounded(response, maximumBytes);
    } catch (error) {
      if (error instanceof InfenclaveError) throw error;
      if (signal?.aborted) throw signal.reason;
      throw new InfenclaveError("unreachable", limit.aborted ? "the server did not answer in time" : "the server cannot be reached",
        { remedy: "check the address, that `infenclave serve` runs, and that its --allow-origin names this page's origin" });
    }
    if (response.status !== 200) Transport.#refuse(response.status, bytes);
    return { bytes, contentType: response.headers.get("content-type") ?? "" };
  }

  static async #bounded(response, maximumBytes) {
    const chunks = [];
    let count = 0;
    if (!response.body) return new Uint8Array();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return concatenated(...chunks);
      count += value.length;
      if (count > maximumBytes) {
        await reader.cancel();
        throw new InfenclaveError("invalidResponse", `the answer is over ${maximumBytes} bytes`);
      }
      chunks.push(value);
    }
  }

  /** The host is not trusted: its message is only shown. */
  static #refuse(status, bytes) {
    let words;
    try {
      const error = json.object(json.member(json.object(readJSON(bytes, "the refusal"), "refusal"), "error", "refusal"), "error");
      words = ["code", "message", "remedy"].map((key) => printable(json.string(json.member(error, key, "error"), key)));
    } catch (error) {
      if (!(error instanceof FormatFault)) throw error;
      throw new InfenclaveError("invalidResponse", `the server answered with HTTP status ${status}`,
        { remedy: "check that the address is that of `infenclave serve`" });
    }
    const [code, message, remedy] = words;
    throw new InfenclaveError("refused", `the server refused: ${message.slice(0, 300)}`,
      { remedy: remedy.slice(0, 300), refusal: code.slice(0, 64) });
  }
}

/** Returns the milliseconds since the call, by the clock that advanced more: one may stop while the machine sleeps, the other
 * may be set back. */
function stopwatch() {
  const [running, shown] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - running, Date.now() - shown);
}

/** A verified enclave: requests are encrypted to keys that only that enclave holds. */
export class EnclaveSession {
  #transport;
  #token;
  #recipient;

  /** @private */
  constructor(peer, manifest, recipient, transport, token) {
    /** The appraisal of the enclave, and its claims. */
    this.peer = peer;
    /** The owner's description of the model; its signature was verified. */
    this.manifest = manifest;
    /** `X-Wing` or `X25519`. */
    this.kem = recipient.kem === KEM.xWing ? "X-Wing" : "X25519";
    this.#recipient = recipient;
    this.#transport = transport;
    this.#token = token;
  }

  /** @private */
  static async open(peer, transport, token) {
    const [made, fault] = await parsed(async () => {
      const manifest = new Manifest(peer.manifest, peer.manifestCore);
      return new EnclaveSession(peer, manifest, await preferredKey(peer.keyConfiguration), transport, token);
    });
    if (fault) {
      throw new InfenclaveError("invalidResponse", `the attested manifest or keys are not usable: ${fault.message}`,
        { remedy: "use the version of infenclave that the server runs" });
    }
    return made;
  }

  /** Whether the enclave was restarted or has made new keys since the other session was attested. */
  hasOtherKeysThan(other) {
    return !sameBytes(this.peer.epoch, other.peer.epoch)
      || !sameBytes(this.peer.keyConfiguration, other.peer.keyConfiguration);
  }

  /**
   * Classifies a picture: a file or another source that `Picture.decode` takes, a `Picture`, or, if the owner allows it, the
   * normalised input as a Float32Array of [1, channels, height, width].
   *
   * @returns {Promise<{index: number, name: string, probability: number}[]>} as many classes as the owner allows
   */
  async classify(input, { signal = null } = {}) {
    this.#requireService();
    const tensor = await this.#tensor(input);
    const request = encodeRequest(this.#transport.authority, this.#token, tensor);
    let sealed;
    try {
      sealed = await sealRequest(this.#recipient, request);
    } catch {
      throw new InfenclaveError("invalidResponse", "sealing to the enclave's key failed; the key is damaged");
    } finally {
      request.fill(0);
    }
    const send = () => this.#transport.send("/ohttp", {
      body: sealed.message, contentType: "message/ohttp-req", maximumBytes: 4 << 20, signal,
    });
    // Behind a balancer without affinity, another server may have the key. No enclave serves the same bytes twice.
    const response = await send().catch((error) => {
      if (!["unknownKey", "undecipherable"].includes(error.refusal)) throw error;
      return send();
    });
    if (response.contentType !== "message/ohttp-res") {
      throw new InfenclaveError("invalidResponse", `the answer has the content type '${response.contentType.slice(0, 80)}'`);
    }
    const { service } = this.peer.manifestCore;
    const [answer, fault] = await parsed(async () =>
      readAnswer(readBinaryResponse(await sealed.open(response.bytes)), service));
    if (fault) throw new InfenclaveError("invalidResponse", fault.message);
    if (answer.status === 0) return answer.entries;
    const [code, refusal, message, remedy] = ANSWER_STATUSES[answer.status]
      ?? ["invalidResponse", null, `the enclave answered with the unknown status ${answer.status}`, ""];
    throw new InfenclaveError(code, message, { refusal, remedy });
  }

  async #tensor(input) {
    const { acceptsFloats, channels, height, width } = this.peer.manifestCore.service;
    if (input instanceof Float32Array) {
      if (!acceptsFloats || input.length !== channels * height * width || !input.every(Number.isFinite)) {
        throw new InfenclaveError("invalidInput", acceptsFloats
          ? `the model takes ${channels * height * width} finite floats, [1, ${channels}, ${height}, ${width}]`
          : "the owner allows pictures only");
      }
      const data = new Uint8Array(4 * input.length);
      const view = new DataView(data.buffer);
      input.forEach((value, index) => view.setFloat32(4 * index, value, true));
      return { element: "f32", shape: [1, channels, height, width], data };
    }
    const picture = input instanceof Picture ? input : await Picture.decode(input);
    return picture.tensor(this.manifest.preprocessing);
  }

  /** Nothing is encrypted to an enclave whose evidence does not state what it does with a picture. */
  #requireService() {
    const { state } = this.peer.facts;
    if (state === "provisioned") return;
    const [refusal, message] = state === "unprovisioned"
      ? ["notProvisioned", "the owner has not provisioned the enclave"]
      : ["leaseEnded", "the owner's lease for the enclave has ended"];
    throw new InfenclaveError("refused", message,
      { refusal, remedy: "the owner runs `infenclave provision` after every start of the enclave; then attest again" });
  }
}

/**
 * Classifies pictures in an enclave that a policy describes.
 *
 * ```js
 * const client = new InfenclaveClient("https://host:8080", { policy: new Policy(policyFile), token });
 * const [best] = await client.classify(fileInput.files[0]);
 * ```
 */
export class InfenclaveClient {
  #transport;
  #options;
  #token;
  #session = null;
  #maximumSessionAge;

  /**
   * @param {string} server `https://HOST:PORT`, followed by `/models/NAME` if it serves several models
   * @param {object} options `policy`; `token`, 32 bytes or the text of a token file; `development`:
   *   `"dangerouslyAccept"` accepts the development TEE, if the policy names it too; `collateral`, the client's own
   *   vendor files by role; `roots`, a test root, of which every verdict warns; `seenBefore`, the `collateralSeen` of an
   *   earlier visit; `timeout` in milliseconds; `maximumSessionAge` in milliseconds, by default an hour: the enclave is attested
   *   again before a request if its evidence is older
   */
  constructor(server, {
    policy, token, development = "refuse", collateral = {}, roots = null, seenBefore = {}, timeout = 120_000,
    maximumSessionAge = 3_600_000,
  }) {
    if (!subtle) {
      throw new InfenclaveError("invalidConfiguration", "this page has no WebCrypto",
        { remedy: "serve it over https, or from localhost" });
    }
    if (!(policy instanceof Policy)) {
      throw new InfenclaveError("invalidConfiguration", "there is no policy", { remedy: "pass a Policy" });
    }
    if (typeof maximumSessionAge !== "number" || !(maximumSessionAge >= 0)) {
      throw new InfenclaveError("invalidConfiguration", "maximumSessionAge is no age", { remedy: "pass milliseconds, 0 or more" });
    }
    this.#transport = new Transport(server, timeout);
    this.#token = readToken(token);
    this.#maximumSessionAge = maximumSessionAge;
    this.#options = { policy, development, collateral, roots };
    /** The dates of the verified collateral, by name: older collateral is refused. Keep them for the next visit. */
    this.collateralSeen = { ...seenBefore };
  }

  /** Fetches evidence over a fresh nonce and appraises it. Until it is accepted, there is no session. */
  async attest({ signal = null } = {}) {
    this.#session = null;
    try {
      const session = await this.#attested(signal);
      this.#session = { session, age: stopwatch() };
      return session;
    } catch (error) {
      // Nothing is encrypted any more to the keys of a session whose server now has other evidence, by any call.
      if (error.code === "attestationRejected") this.#session = null;
      throw error;
    }
  }

  async #attested(signal) {
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const { bytes } = await this.#transport.send(`/.well-known/infenclave/evidence?nonce=${hex(nonce)}`,
      { maximumBytes: 8 << 20, signal });
    let peer;
    try {
      peer = await verifyService(bytes, {
        ...this.#options, nonce, time: Math.floor(Date.now() / 1000), seenBefore: this.collateralSeen,
      });
    } catch (error) {
      // A revocation stays recorded once it was seen: the records are of lists with verified signatures.
      this.#remember(error.verdict?.claims.collateral);
      throw error;
    }
    this.#remember(peer.verdict.claims.collateral);
    return EnclaveSession.open(peer, this.#transport, this.#token);
  }

  /** The session for requests, if there is one that serves and is recent enough. */
  get #present() {
    const { session, age } = this.#session ?? {};
    return session?.peer.isProvisioned && age() < this.#maximumSessionAge ? session : null;
  }

  #remember(collateral = {}) {
    for (const [name, date] of Object.entries(collateral)) {
      this.collateralSeen[name] = Math.max(date, this.collateralSeen[name] ?? date);
    }
  }

  /**
   * Classifies as `EnclaveSession.classify`; attests first if there is no session, or it is too old. If the enclave has new
   * keys, it is attested again, under the same policy, and the picture is encrypted and sent again.
   */
  async classify(input, options = {}) {
    const session = this.#present ?? await this.attest(options);
    try {
      return await session.classify(input, options);
    } catch (error) {
      if (!["unknownKey", "undecipherable", "wrongEpoch"].includes(error.refusal)) {
        // The next call requests new evidence.
        if (error.refusal === "leaseEnded" || error.refusal === "notProvisioned") this.#session = null;
        throw error;
      }
      const fresh = await this.attest(options);
      // A statement of the host is not enough: it has to show other keys with evidence.
      if (!fresh.hasOtherKeysThan(session)) throw error;
      return fresh.classify(input, options);
    }
  }
}

// --- The vendors' roots

/**
 * Base64 of the DER of AMD's roots (ARK) and intermediates (ASK for VCEKs, ASVK for VLEKs), published at
 * https://kdsintf.amd.com/vcek/v1/{Milan|Genoa|Turin}/cert_chain and /vlek/v1/…. The intermediates are used only after the
 * ARK's signature over them was verified.
 */
const AMD_ROOTS = {
  "ARK-Milan": `
    MIIGYzCCBBKgAwIBAgIDAQAAMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstTWlsYW4wHhcNMjAxMDIyMTcyMzA1WhcNNDUxMDIyMTcy
    MzA1WjB7MRQwEgYDVQQLDAtFbmdpbmVlcmluZzELMAkGA1UEBhMCVVMxFDASBgNVBAcMC1NhbnRhIENsYXJhMQswCQYDVQQIDAJDQTEfMB0G
    A1UECgwWQWR2YW5jZWQgTWljcm8gRGV2aWNlczESMBAGA1UEAwwJQVJLLU1pbGFuMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
    0Ld52RJOdeiJlqK2JdsVmD7FktuotWwX1fNgW41XY9Xz1HEhSUmhLz9Cu9DHRlvgJSNxbeYYsnJfvyjx1MfU0V5tkKiU1EesNFta1kTA0szN
    isdYc9isqk7mXT5+KfGRbfc4V/9zRIcE8jlHN61S1ju8X93+6dxDUrG2SzxqJ4BhqyYmUDruPXJSX4vUc01P7j98MpqOS95rORdGHeI52Naz
    5m2B+O+vjsC060d37jY9LFeuOP4Meri8qgfi2S5kKqg/aF6aPtuAZQVR7u3KFYXP59XmJgtcog05gmI0T/OitLhuzVvpZcLph0odh/1IPXqx
    3+MnjD97A7fXpqGd/y8KxX7jksTEzAOgbKAeam3lm+3yKIcTYMlsRMXPcjNbIvmsBykD//xSniusuHBkgnlENEWx1UcbQQrs+gVDkuVPhsnz
    IRNgYvM48Y+7LGiJYnrmE8xcrexekBxrva2V9TJQqnN3Q53kt5viQi3+gCfmkwC0F0tirIZbLkXPrPwzZ0M9eNxhIySb2npJfgnqz55I0u33
    wh4r0ZNQeTGfw03MBUtyuzGesGkcw+loqMaq1qR4tjGbPYxCvpCq7+OgpCCoMNit2uLo9M18fHz10lOMT8nWAUvRZFzteXCm+7PHdYPlmQwU
    w3LvenJ/ILXoQPHfbkH0CyPfhl1jWhJFZasCAwEAAaN+MHwwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBSFrBrRQ/fIrFXUxR1BSKvVeErU
    UzAPBgNVHRMBAf8EBTADAQH/MDoGA1UdHwQzMDEwL6AtoCuGKWh0dHBzOi8va2RzaW50Zi5hbWQuY29tL3ZjZWsvdjEvTWlsYW4vY3JsMEYG
    CSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCiAwIBMKMDAgEBA4ICAQC6m0kDp6zv
    4Ojfgy+zleehsx6ol0ocgVelETobpx+EuCsqVFRPK1jZ1sp/lyd9+0fQ0r66n7kagRk4Ca39g66WGTJMeJdqYriwSTjjDCKVPSesWXYPVAyD
    hmP5n2v+BYipZWhpvqpaiO+EGK5IBP+578QeW/sSokrKdHaLAxG2LhZxj9aF73fqC7OAJZ5aPonw4RE299FVarh1Tx2eT3wSgkDgutCTB1Yq
    zT5DuwvAe+co2CIVIzMDamYuSFjPN0BCgojl7V+bTou7dMsqIu/TW/rPCX9/EUcpKGKqPQ3P+N9r1hjEFY1plBg93t53OOo49GNI+V1zvXPL
    I6xIFVsh+mto2RtgEX/epmMKTNN6psW88qg7c1hTWtN6MbRuQ0vm+O+/2tKBF2h8THb94OvvHHoFDpbCELlqHnIYhxy0YKXGyaW1NjfULxrr
    mxVW4wcn5E8GddmvNa6yYm8scJagEi13mhGu4Jqh3QU3sf8iUSUr09xQDwHtOQUVIqx4maBZPBtSMf+qUDtjXSSq8lfWcd8bLr9mdsUnJZJ0
    +tuPMKmBnSH860llKk+VpVQsgqbzDIvOLvD6W1Umq25boxCYJ+TuBoa4s+HHCViAvgT9kf/rBq1d+ivj6skkHxuzcxbk1xv6ZGxrteJxVH7K
    lX7YRdZ6eARKwLe4AFZEAwoKCQ==`,
  "ARK-Genoa": `
    MIIGYzCCBBKgAwIBAgIDAgAAMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstR2Vub2EwHhcNMjIwMTI2MTUzNDM3WhcNNDcwMTI2MTUz
    NDM3WjB7MRQwEgYDVQQLDAtFbmdpbmVlcmluZzELMAkGA1UEBhMCVVMxFDASBgNVBAcMC1NhbnRhIENsYXJhMQswCQYDVQQIDAJDQTEfMB0G
    A1UECgwWQWR2YW5jZWQgTWljcm8gRGV2aWNlczESMBAGA1UEAwwJQVJLLUdlbm9hMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
    3Cd95S/uFOuRIskW9vz9VDBF69NDQF79oRhL/L2PVQGhK3YdfEBgpF/JiwWFBsT/fXDhzA01p3LkcT/7LdjcRfKXjHl+0Qq/M4dZkh6QDoUe
    KzNBLDcBKDDGWo3v35NyrxbA1DnkYwUKU5AAk4P94tKXLp80oxt84ahyHoLmc/LqsGsp+oq1Bz4PPsYLwTG4iMKVaaT90/oZ4I8oibSru92v
    JhlqWO27d/Rxc3iUMyhNeGToOvgx/iUo4gGpG61NDpkEUvIzuKcaMx8IdTpWg2DF6SwF0IgVMffnvtJmA68BwJNWo1E4PLJdaPfBifcJpuBF
    wNVQIPQEVX3aP89HJSp8YbY9lySS6PlVEqTBBtaQmi4ATGmMR+n2K/e+JAhU2Gj7jIpJhOkdH9firQDnmlA2SFfJ/Cc0mGNzW9RmIhyOUnNF
    oclmkRhl3/AQU5Ys9Qsan1jT/EiyT+pCpmnA+y9edvhDCbOG8F2oxHGRdTBkylungrkXJGYiwGrR8kaiqv7NN8QhOBMqYjcbrkEr0f8QMKkl
    IS5ruOfqlLMCBw8JLB3LkjpWgtD7OpxkzSsohN47Uom86RY6lp72g8eXHP1qYrnvhzaG1S70vw6OkbaaC9EjiH/uHgAJQGxon7u0Q7xgoREW
    A/e7JcBQwLg80Hq/sbRuqesxz7wBWSY254cCAwEAAaN+MHwwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBSfXfn+DdjzWtAzGiXvgSlPvjGo
    WzAPBgNVHRMBAf8EBTADAQH/MDoGA1UdHwQzMDEwL6AtoCuGKWh0dHBzOi8va2RzaW50Zi5hbWQuY29tL3ZjZWsvdjEvR2Vub2EvY3JsMEYG
    CSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCiAwIBMKMDAgEBA4ICAQAdIlPBC7DQ
    mvH7kjlOznFx3i21SzOPDs5L7SgFjMC9rR07292GQCA7Z7Ulq97JQaWeD2ofGGse5swj4OQfKfVv/zaJUFjvosZOnfZ63epu8MjWgBSXJg5Q
    E/Al0zRsZsp53DBTdA+Uv/s33fexdenT1mpKYzhIg/cKtz4oMxq8JKWJ8Po1CXLzKcfrTphjlbkh8AVKMXeBd2SpM33B1YP4g1BOdk013kqb
    7bRHZ1iB2JHG5cMKKbwRCSAAGHLTzASgDcXr9Fp7Z3liDhGu/ci1opGmkp12QNiJuBbkTU+xDZHm5X8Jm99BX7NEpzlOwIVR8ClgBDyuBkBC
    2ljtr3ZSaUIYj2xuyWN95KFY49nWxcz90CFa3Hzmy4zMQmBe9dVyls5eL5p9bkXcgRMDTbgmVZiAf4afe8DLdmQcYcMFQbHhgVzMiyZHGJgc
    CrQmA7MkTwEIds1wx/HzMcwU4qqNBAoZV7oeIIPxdqFXfPqHqiRlEbRDfX1TG5NFVaeByX0GyH6jzYVuezETzruaky6fp2bl2bczxPE8HdS3
    8ijiJmm9vl50RGUeOAXjSuInGR4bsRufeGPB9peTa9BcBOeTWzstqTUB/F/qaZCIZKr4X6TyfUuSDz/1JDAGl+lxdM0P9+lLaP9NahQjHCVf
    0zf1c1salVuGFk2w/wMz1R1BHg==`,
  "ARK-Turin": `
    MIIGYzCCBBKgAwIBAgIDAwAAMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstVHVyaW4wHhcNMjMwNTE1MjAwMzEyWhcNNDgwNTE1MjAw
    MzEyWjB7MRQwEgYDVQQLDAtFbmdpbmVlcmluZzELMAkGA1UEBhMCVVMxFDASBgNVBAcMC1NhbnRhIENsYXJhMQswCQYDVQQIDAJDQTEfMB0G
    A1UECgwWQWR2YW5jZWQgTWljcm8gRGV2aWNlczESMBAGA1UEAwwJQVJLLVR1cmluMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
    waAriB7EIuVc4ZB1wD3YfDxL+9eyS7+izm0Jj3W772NINCWl8Bj3w/JD2ZjmbRxWdIq/4d9iarCKorXloJUB1jRdgxqccTx1aOoig4+2w1Xh
    VVJT7K457wT5ZLNJgQaxqa9Etkwjd6+9sOhlCDE9l43kQ0R2BikVJa/uyyVOSwEk5w5tXKOuG9jvq6QtAMJasW38wlqRDaKEGtZ9VUgGon27
    ZuL4sTJuC/azz9/iQBw8kEilzOl95AiTkeY5jSEBDWbAqnZk5qlM7kISKG20kgQm14mhNKDI2p2oua+zuAG7i52epoRF2GfU0TYk/yf+vCNB
    2tnechFQuP2e8bLk95ZdqPi9/UWw4JXjtdEA4u2JYplSSUPQVAXKt6LVqujtJcM59JKr2u0XQ75KwxcMp15gSXhBfInvPAwuAY4dEwwGqT8o
    Ig4esPHwEsmChhYeDIxPG9R4fx9O0q6p8Gb+HXlTiS47P9YNeOpidOUKzDl/S1OvyhDtSL8LJc24QATFydo/iD/KUdvFTRlD0crkAMkZLoWQ
    8hLDGc6BZJXsdd7Zf2e4UW3tI/1oh/2t23Ot3zyhTcv5gDbABu0LjVe98uRnS15SMwK//lJt9e5BqKvgABkSoABf+B4VFtPVEX0ygrYaFaI9
    i5ABrxnVBmzXpRb21iI1NlNCfOGUPIhVpWECAwEAAaN+MHwwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBRkoF9x4wwKZNg7deUBWZ4r7gYD
    RDAPBgNVHRMBAf8EBTADAQH/MDoGA1UdHwQzMDEwL6AtoCuGKWh0dHBzOi8va2RzaW50Zi5hbWQuY29tL3ZjZWsvdjEvVHVyaW4vY3JsMEYG
    CSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCiAwIBMKMDAgEBA4ICAQA/i6Mz4IET
    MK8YU/HxP7Bfej5i4aXhenJoTuiDX0nqx5CDJm9ELhskxAkJ/oLA1O92UoLybfFk4gEpKFtyfiUYex9LogZj5ix0sb2qfSSy9CRnOktGqfpe
    l4e3KAhLgF5n2qZrqyq/8EPPldtSjEXn78sZMlIlUcQKSnnNCQZVFpktDfDiEiGNuitux3ghHUrcVuxSbZcrXDbsbMF7NDdfLUUS9TijrL33
    lrCXJs7m8kggGyCusiRQKHli1AEswiA4xU+8xsZrByYTopiGYtbJK8s0UCCXylyOuKSubvdAnMDJ5GDD0+DX46LSfv7fgGNSG+LOBWdif7Ko
    Qf9cIhKJtxGxZCn/tvHmwMzu4Jnx8N2vRnT+8DpBqhxtNvdXmrZUelSeQakx4djMKvmTR8Gd25EnC4RppCkjbmPxY3zPd1X7raalTn34EOF9
    DeLsC9JfzkDuojxpHWMm30wKnDo20mlDQk/zKCDa2Zc+YjtsTZCrTbvdgCukTKNZOUUVlWRu+sO/OwrmS2p16seHTIqHEbE1LntPv3gkCcHG
    DSUAKx9c0Aol+Dj9xpb2nmGqoDeJ59Ja6REkHCdw5TduXyqqMqfD1AX0/QDNdevCMKlWBRCQ7DFlog3H1a+r/kuMUZ/Ij9yyKlSgYZMJ4VgN
    KDgTQdcsAL0MCEMrzpacMwFusA==`,
};
const AMD_INTERMEDIATES = {
  "SEV-Milan": `
    MIIGiTCCBDigAwIBAgIDAQABMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstTWlsYW4wHhcNMjAxMDIyMTgyNDIwWhcNNDUxMDIyMTgy
    NDIwWjB7MRQwEgYDVQQLDAtFbmdpbmVlcmluZzELMAkGA1UEBhMCVVMxFDASBgNVBAcMC1NhbnRhIENsYXJhMQswCQYDVQQIDAJDQTEfMB0G
    A1UECgwWQWR2YW5jZWQgTWljcm8gRGV2aWNlczESMBAGA1UEAwwJU0VWLU1pbGFuMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
    nU2drrNTfbhNQIllf+W2y+ROCbSzId1aKZft2T9zjZQOzjGccl17i1mIKWl7NTcB0VYXt3JxZSzOZjsjLNVAEN2MGj9TiedL+QewKZX0JmQE
    uYjm+WKksLtxgdLp9E7EZNwNDqV1r0qRP5tB8OWkyQbIdLeu4aCz7j/Sl1FkBytev9sbFGzt7cwnjzi9m7noqsk+uRVBp3+In35QPdcj8Yfl
    EmnHBNvuUDJhLCJMW8KOjP6++Phbs3iCitJcANEtW4qTNFoKW3CHlbcSCjTM8KsNbUx3A8ek5EVLjZWH1pt9E3TfpR6XyfQKnY6kl5aEIPwd
    W3eFYaqCFPrIo9pQT6WuDSP4JCYJbZneKKIbZjzXkJt3NQG32EukYImBb9SCkm9+fS5LZFg9ojzubMX3+NkBoSXI7OPvnHMxjup9mw5se6QU
    V7GqpCA2TNypolmuQ+cAaxV7JqHE8dl9pWf+Y3arb+9iiFCwFt4lAlJw5D0CTRTC1Y5YWFDBCrA/vGnmTnqG8C+jjUAS7cjjR8q4OPhyDmJR
    PnaC/ZG5uP0K0z6GoO/3uen9wqshCuHegLTpOeHEJRKrQFr4PVIwVOB0+ebO5FgoyOw43nyFD5UKBDxEB4BKo/0uAiKHLRvvgLbORbU8KARI
    s1EoqEjmF8UtrmQWV2hUjwzqwvHFei8rPxMCAwEAAaOBozCBoDAdBgNVHQ4EFgQUO8ZuGCrD/T1iZEib47dHLLT8v/gwHwYDVR0jBBgwFoAU
    hawa0UP3yKxV1MUdQUir1XhK1FMwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQQwOgYDVR0fBDMwMTAvoC2gK4YpaHR0cHM6
    Ly9rZHNpbnRmLmFtZC5jb20vdmNlay92MS9NaWxhbi9jcmwwRgYJKoZIhvcNAQEKMDmgDzANBglghkgBZQMEAgIFAKEcMBoGCSqGSIb3DQEB
    CDANBglghkgBZQMEAgIFAKIDAgEwowMCAQEDggIBAIgeUQScAf3lDYqgWU1VtlDbmIN8S2dC5kmQzsZ/HtAjQnLEPI1jh3gJbLxL6gf3K8jx
    ctzOWnkYcbdfMOOr28KT35IaAR20rekKRFptTHhe+DFr3AFzZLDD7cWK29/GpPitPJDKCvI7A4Ug06rk7J0zBe1fz/qe4i2/F12rvfwCGYhc
    RxPy7QF3q8fR6GCJdB1UQ5SlwCjFxD4uezURztIlIAjMkt7DFvKRh+2zK+5plVGGFsjDJtMz2ud9y0pvOE4j3dH5IW9jGxaSGStqNrabnnpF
    236ETr1/a43b8FFKL5QNmt8Vr9xnXRpznqCRvqjr+kVrb6dlfuTlliXeQTMlBoRWFJORL8AcBJxGZ4K2mXftl1jU5TLeh5KXL9NW7a/qAOIU
    s2FiOhqrtzAhJRg9Ij8QkQ9Pk+cKGzw6El3T3kFrEg6zkxmvMuabZOsdKfRkWfhH2ZKcTlDfmH1H0zq0Q2bG3uvaVdiCtFY1LlWyB38JS2fN
    sR/Py6t5brEJCFNvzaDky6KeC4ion/cVgUai7zzS3bGQWzKDKU35SqNU2WkPI8xCZ00WtIiKKFnXWUQxvlKmmgZBIYPe01zD0N8atFxmWiSn
    fJl690B9rJpNR/fIajxCW3Seiws6r1Zm+tCuVbMiNtpS9ThjNX4uve5thyfE2DgoxRFvY1CsoF5M`,
  "SEV-VLEK-Milan": `
    MIIGjzCCBD6gAwIBAgIDAQEBMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstTWlsYW4wHhcNMjIxMTE2MjI0NTI0WhcNNDcxMTE2MjI0
    NTI0WjCBgDEUMBIGA1UECwwLRW5naW5lZXJpbmcxCzAJBgNVBAYTAlVTMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExHzAd
    BgNVBAoMFkFkdmFuY2VkIE1pY3JvIERldmljZXMxFzAVBgNVBAMMDlNFVi1WTEVLLU1pbGFuMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIIC
    CgKCAgEA1EUWkz5FTPz+uWT2hCEyisam8FRuXZAmS3l+rXgSCeS1Q0+1olcnFSJpiwfssfhoutJqePyicu+OhkX131PMeO/VOtH3upK4YNJm
    q36IJp7ZWIm5nK2fJNkYEHW0m/NXcIA9U2iHl5bAQ5cbGp97/FaOJ4VmGoTMV658Yox/plFmZRFfRcsw2hyNhqUl1gzdpnIIgPkygUovFEga
    a0IVSgGLHQhZQiebNLLSVWRVReve0t94zlRIRRdrz84cckP9H9DTAUMyQaxSZbPINKbV6TPmtrwAV9UP1Qq418xn9I+C0SsWutP/5S1OiL8O
    TzQ4CvgbHOfd2F3yVv4xDBza4SelF2igoDf+BF4XI/IIHJL2N5uKy3+gkSB2Xl6prohgVmqRFvBW9OTCEa32WhXu0t1Z1abEKDZ3LpZt9/Cr
    g6zyPpXDLR/tLHHpSaPRj7CTzHieKMTz+Q6RrCCQcHGfaAD/ETNY56aHvNJRZgbzXDUJvnLr3dYyOvvn/DtKhCSimJynn7Len4ArDVQVwXRP
    e3hR/asCE2CajT7kGC1AOtUzQuIKZS2D0Qk74g297JhLHpEBlQiyjRJ+LCWZNx9uJcixGyzav6fiOWx4U8uWhRzHs8nvDAdcS4LW31tPlA9B
    eOK/BGimQTu7hM5MDFZL0C9dWK5puCUJex6I2vSqvycCAwEAAaOBozCBoDAdBgNVHQ4EFgQUNuJXE6qi45/CgqkKRPtVLObC7pEwHwYDVR0j
    BBgwFoAUhawa0UP3yKxV1MUdQUir1XhK1FMwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQQwOgYDVR0fBDMwMTAvoC2gK4Yp
    aHR0cHM6Ly9rZHNpbnRmLmFtZC5jb20vdmxlay92MS9NaWxhbi9jcmwwRgYJKoZIhvcNAQEKMDmgDzANBglghkgBZQMEAgIFAKEcMBoGCSqG
    SIb3DQEBCDANBglghkgBZQMEAgIFAKIDAgEwowMCAQEDggIBAI7ayEXDNj1rCVnjQFb6L91NNOmEIOmi6XtopAqr8fj7wqXap1MY82Y0AIi1
    K9R7C7G1sCmY8QyEyX0zqHsoNbU2IMcSdZrIp8neT8afv8tPt7qoW3hZ+QQRMtgVkVVrjJZelvlB74xr5ifDcDiBd2vu/C9IqoQS4pVBKNSF
    pofzjtYKvebBBBXxeM2b901UxNgVjCY26TtHEWN9cA6cDVqDDCCL6uOeR9UOvKDSSqlM6nXldSj7bgK7Wh9M9587IwRvNZluXc1CDiKMZybL
    dSKOlyMJH9ss1GPn0eBVEhVjf/gttn7HrcQ9xJZVXyDtL3tkGzemrPK14NOYzmph6xr1iiedAzOVpNdPiEXn2lvas0P4TD9UgBh0Y7xyf2yE
    NHiSgJT4T8Iktm/TSzuh4vqkQ72A1HdNTGjoZcfzKCsQJ/YuFICeaNxw5cIAGBK/o+6Ek32NPv5XtixNOhEx7GsaVRG05bq5oTt14b4hKYhq
    V1CDrX5hiVRpFFDs/sAGfgTzLdiGXLcvYAUz1tCKIT/eQS9c4/yitn4F3mCPd4uQB+fggMtK0qPRthpFtc2SqVCTvHnhxyXqo7GpXMsssgLg
    KNwaFPe2+Ld5OwPR6Pokji9h55m05Dxob8XtD4gW6oFLo9Icg7XqdOr9Iip5RBIPxy7rKk/ReqGs9KH70YPk`,
  "SEV-Genoa": `
    MIIGiTCCBDigAwIBAgIDAgACMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstR2Vub2EwHhcNMjIxMDMxMTMzMzQ4WhcNNDcxMDMxMTMz
    MzQ4WjB7MRQwEgYDVQQLDAtFbmdpbmVlcmluZzELMAkGA1UEBhMCVVMxFDASBgNVBAcMC1NhbnRhIENsYXJhMQswCQYDVQQIDAJDQTEfMB0G
    A1UECgwWQWR2YW5jZWQgTWljcm8gRGV2aWNlczESMBAGA1UEAwwJU0VWLUdlbm9hMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
    oHJhvk4Fwwkwb03AMfLySXJSXmEaCZMTRbLgPaj4oEzaD9tGfxCSw/nsCAiXHQaWUt++bnbjJO05TKT5d+Cdrz4/fiRBpbhf0xzvh11O+wJT
    BPj3uCzDm48vEZ8l5SXMO4wd/QqwsrejFERPD/Hdfv1mGCMW7ac0ug8trDzqGe+l+p8NMjp/EqBDY2vd8hLaVLmS+XjAqlYVNRksh9aTzSYL
    19/cTrBDmqQ2y8k23zNl2lW6q/BtQOpWGVs3EWvBHb/Qnf3f3S9+lC4H2jdDy9yn7kqyTWq4WCBnE4qhYJRokulYtzMZM1Ilk4Z6RPkOTR1M
    J4gdFtj7lKmrkSuOoJYmqhJIsQJ854lAbJybgU7zyzWAwu3uaslkYKUEAQf2ja5Hyl3IBqOzpqY31SpKzbl8NXveZybRMklwfe4iDLI25T9k
    u9CVetDYifCbdGeuHdTwZBBemW4NE57L7iEV8+zz8nxng8OMX//4pXntWqmQbEAnBLv2ToTgd1H2zYRthyDLc3V119/+FnTW17LK6bKzTCgE
    nCHQEcAt0hDQLLF799+2lZTxxfBEoduAZax6IjgAMCi6e1ZfKPJSkdvb2m3BwfP8bniG7+AEJv1WOEmnBJc1pVQCttbJUodbi07Vfen5JRUq
    AvSM3ObWQOzSAGzsGnpIigwFpW6m9F7uYVUCAwEAAaOBozCBoDAdBgNVHQ4EFgQUssZ7pDW7HJVkHAmgQf/F3EmGFVowHwYDVR0jBBgwFoAU
    n135/g3Y81rQMxol74EpT74xqFswEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQQwOgYDVR0fBDMwMTAvoC2gK4YpaHR0cHM6
    Ly9rZHNpbnRmLmFtZC5jb20vdmNlay92MS9HZW5vYS9jcmwwRgYJKoZIhvcNAQEKMDmgDzANBglghkgBZQMEAgIFAKEcMBoGCSqGSIb3DQEB
    CDANBglghkgBZQMEAgIFAKIDAgEwowMCAQEDggIBAIgu3V2tQJOo0/6GvNmwLXbLDrsLKXqHUqdGyOZUpPHM3ujTaex1G+8bEgBswwBa+wNv
    l1SQqRqy2x2QwP+i//BcWr3lMrUxci4G7/P8hZBV821nrAUZtbvfqla5MrRH9AKJXWW/pmtd10czqCHkzdLQNZNjt2dnZHMQAMtGs1AtynRE
    HNwEBiH2KAt7gUc/sKWnSCipztKE76puN/XXbSx+Ws+VPiFw6CBAeI9dqnEiQ1tpEgqtWEtcKm7Ggb1XH6oWbISoowvc00/ADWfNom0xl6v2
    C6RIWYgUoZ2f7PCyV3Dtbu/fQfyyZvmtVLA4gB2Ehc6Omjy21Y55WY9IweHlKENMPEUVtRqOvRVI0ml9Wbalf049joCu2j33XPqwp3Irzevm
    PBDGpR2Stdm3K66a/g/BSY7Wc9/VeykP3RXlxY1TMMJ8F1lpg6Tmu+c+vow7cliyqOoayAnR71U8+rWrL3HRHheSVX8GPYOaDNBTt831Z027
    vDWv3811vMoxYxhuTRaokvNWCSzmJ2EWrPYHcHOtkjSFKN7ot0Rc70fIRZEYc2rb3ywLSicEq3JQCnnz6iCZ1tMfplzcrJ2LnW2F1C8yRV+o
    kylyORlsaxOLKYOWjaDTSFaq1NIwodHp7X9fOG48uRuJWS8GmifD969sC4Ut2FJFoklceBVUNCHR`,
  "SEV-VLEK-Genoa": `
    MIIGjzCCBD6gAwIBAgIDAgEBMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstR2Vub2EwHhcNMjIxMTE4MjA0ODM0WhcNNDcxMTE4MjA0
    ODM0WjCBgDEUMBIGA1UECwwLRW5naW5lZXJpbmcxCzAJBgNVBAYTAlVTMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExHzAd
    BgNVBAoMFkFkdmFuY2VkIE1pY3JvIERldmljZXMxFzAVBgNVBAMMDlNFVi1WTEVLLUdlbm9hMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIIC
    CgKCAgEAzL2/xihHscEpxS3+OsQZpAuNIJGSEQZrkoWPtqKMjjZOyXMMRHAheTm56Ei0Mb8TJZlbGDS5x/AdbowstGmpHqh2zvSvjZO7V4v6
    Ft84p71P6GXfOVEQgCuatiszfIwFrRQk/cmU7HuJadBq6XtYE+qBJMjus8C0WwW/IWY9j6pNbEA1SnUvVg6t89zfE+AcB5UDCKq09x7qw+rP
    t9pTpEch0f1bHdRFJlpgWGTq02ohH9bT+6au8kPpvMa3m2p8zdIIqtuuSG6srIimrpt24lsr4tLhQG65R/RbVJT9MsK4ULpbAUO5NwdlLwbn
    pLWHiUwoYrySMD8l3xRDvhPmInlXEFEo8lahcYllxiJJR8oqqA6x3jPFKmkfhEgaQefcn4P8nA4SScqAoLihn75iiDtU2+ZlkPnKgcNs5U1L
    e441ypen2n7BOnRyhmwyAUBGk3OcMXHsJ6KGpDJyTVCaC3fWX3ex4Iv4LkuKRA6O9yu3zHP23N/ubE8/YykffIjMbtBoOAzdWCn9lE4amo4V
    Z+8ewIutZAYmC5TIQO+wWUqKYr0iAobccMnZdJjUORjVoqVQ+dLr+/1otk36gfPc0LpmhWZKfAXF9sgvYtQjcaR9wlGr8ySRtZ2YJWofuR7z
    gYFJPEXRwAnbAR/05hBmog7CMt1F9YKSmku6JfRecY8CAwEAAaOBozCBoDAdBgNVHQ4EFgQUhEdjn8HQNI9bN2NAKL9zgM6VNoowHwYDVR0j
    BBgwFoAUn135/g3Y81rQMxol74EpT74xqFswEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQQwOgYDVR0fBDMwMTAvoC2gK4Yp
    aHR0cHM6Ly9rZHNpbnRmLmFtZC5jb20vdmxlay92MS9HZW5vYS9jcmwwRgYJKoZIhvcNAQEKMDmgDzANBglghkgBZQMEAgIFAKEcMBoGCSqG
    SIb3DQEBCDANBglghkgBZQMEAgIFAKIDAgEwowMCAQEDggIBALgCTyTS/ppxo42n2LOox42LvNIsn2/ZaMs2NfCj4f2+VN5Xs1NNdptn2nq/
    SKu5aKnLS5XGWCnHfMSKZ7vqHLKMa0Wxfm+4JahOItQ3+PzbTa0EwUkq1u6oezhTHywX1PilNRc4EjWgQ6ba/z4BBxO3P10tW/C39VS0Cv8S
    N5G2bfZrPkjy6LBjGiaT4MBcsN+SM2o5QgKRG0qqn+edegHMmTPBDV2qCKbe5CBsa122q+F6S9hPEEiGkz/IpShnSGCaFvbEu0Uvh2dYUlrO
    N2peZMDkevKurDXlGxTehAflCiugBsNeJivx0j7B/HazAvxkLPTCkIdmQJccezF5PCgmMW0SeP4cMb5Ewzv/yCsTLyh13YsYBww5eW4DBREd
    /vCAS7F1JQUZ4twQy/jqBAJhcDyGuRnnwrRevGdWsb3cXBqeLCub7CKZ1n/zqSRHq8FRgoroPRpfFjSGhDVFbjj7bDzWU6WNmF/7LpnqG+tI
    MyRc+3Y3yRAYchFNOFHyS6R2C0KTy1nRSYwBUdQtGaQ0rE3e5Mulcidh4qkIxpp089vzqV8JTSJsRzTOzkujOuHUYPKswJ1TvQr5S1C0gPN2
    qAESnCs7Nf2x82DSxmEqaiI7xS58pR6vZ8BeXMGPPQqgOm/oBzOypVR3iCG6MFdjsTNA6M8P7GCZe1p72cko`,
  "SEV-Turin": `
    MIIGiTCCBDigAwIBAgIDAwABMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstVHVyaW4wHhcNMjMwNTE1MjAyNTIxWhcNNDgwNTE1MjAy
    NTIxWjB7MRQwEgYDVQQLDAtFbmdpbmVlcmluZzELMAkGA1UEBhMCVVMxFDASBgNVBAcMC1NhbnRhIENsYXJhMQswCQYDVQQIDAJDQTEfMB0G
    A1UECgwWQWR2YW5jZWQgTWljcm8gRGV2aWNlczESMBAGA1UEAwwJU0VWLVR1cmluMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
    nvg5Grv2Emd9lAhKdO64RXU3UESb6JTm0Hhzevx1PyxinxYqJL329qTJM0XmdozLYb7rsHxgM5I2pU18M8gect2pN/YB2LQ1/bIq37TPDbg7
    ym0MN6KkZ6aERxAX0voYtdDyNxjDAUjpRpCe1FccAev/Es2n/Fz1G1TmC2XepTQqaKpmt6mnDWSCHCVsQoY0gSibeaG6doM6OiNUCbKXaC7K
    HH5b/96BD1DJ84M+JHqPClFhHqUJwzKF5Qxj4wgWAZzK8UPhiNGjrF6+TBdlFGdSzEqw1jOrCTHduYyLK+5OQ3OIw4S+vZeOVoxJajTIWdsq
    YP2DLc0HkL0qWOumEOrrc2/4DeETShB0MyIpH05kSalyQN2eN5P6ptOB84hddCdbJPEepnD+FqQap1ukw3K8uBcgeBSAF23r6UtT8Uc5h7Ms
    WX3MoZiEHcSkDQQ8IedTk7CLjsK6S7b/lfKqfYiRhKgGkRvsEd/MDNcumHZKIgzasJwgagzSggiUo9jXp3EWm84fqyxNXzSutPB7qD5P/ULA
    B+q9QgvrzC8XneaLP0MNrHhM80UejmsBTIktMvFoWVIelYDLdcoi0eMD5DRccfsgrYaY6h/+/qf9tgg+mX09UJpuSPRF38oyqnNNFMl5v/tW
    LgUsChPU6NCQC17Qaqr8mu2ynyyuHEs5JVUCAwEAAaOBozCBoDAdBgNVHQ4EFgQUbYJXt6v2sMgUALjxD0WvG9aq628wHwYDVR0jBBgwFoAU
    ZKBfceMMCmTYO3XlAVmeK+4GA0QwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQQwOgYDVR0fBDMwMTAvoC2gK4YpaHR0cHM6
    Ly9rZHNpbnRmLmFtZC5jb20vdmNlay92MS9UdXJpbi9jcmwwRgYJKoZIhvcNAQEKMDmgDzANBglghkgBZQMEAgIFAKEcMBoGCSqGSIb3DQEB
    CDANBglghkgBZQMEAgIFAKIDAgEwowMCAQEDggIBAAXWJ3DPahralt5kXLPMm9oKlFRqeU3HcS7kA+VBlBA1lQRUhXkbXnTvW1GZcgdZvNCB
    /VlET61KbCzoFIhPIESVjjb/xWX2kg3X0HHmh1EtCDbHaUFM5rq6l+S1h7qOauRZebvrwApDzAANvW0LTHRumfGm/kqh9NDtVCIWPUZ1VQIg
    Gx1T3dwmgOK8ncT1J3W5xIyS0Xu3KC6w7oBlq8G2pPgTcCBJ4JBCTXCEXiAAGaTR/TJIaSzoZFLhxYhCMjP8WQGToPGDK2i/lZhkcGHnJOQ+
    lgrXfpLGqBtLlS3QODyVP0MomczG4dqw3THP3Y8Aq9c2KE7SylAKsS/bBKCqkj4OrABkDSkMQEz3BBoFD63aD5ZG/Qiz+tmhnptyPVcweC9u
    JlSWYm25KiV4lT52uBjxatDZKQcrpdgcU8+ozzKU8ICnZPOwfWeyuNMq/juyd/rzg5IePyyvt+13aJ5MlZBXZxJKoxCYIMKUwZigf0XsBteT
    8gw10/xk5smIFIB2ERtTQPMuTENgrPTUjOeiqmBg663c2dLVol+MDiT4ltqfEm4Kl/cc4f+H6bEwhj1QKAN2ipRf+mP0NfzJb+6ZHNsOvyq/
    WByYpLXV9JJoiDW/8RZwPU/Mn7IuQBauCy78G7FS0ta3q1et74faYBBgeJ6awEasa25CvmsmlU0R`,
  "SEV-VLEK-Turin": `
    MIIGjzCCBD6gAwIBAgIDAwEBMEYGCSqGSIb3DQEBCjA5oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAICBQCi
    AwIBMKMDAgEBMHsxFDASBgNVBAsMC0VuZ2luZWVyaW5nMQswCQYDVQQGEwJVUzEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNVBAgMAkNB
    MR8wHQYDVQQKDBZBZHZhbmNlZCBNaWNybyBEZXZpY2VzMRIwEAYDVQQDDAlBUkstVHVyaW4wHhcNMjMwNTE1MjEwOTQxWhcNNDgwNTE1MjEw
    OTQxWjCBgDEUMBIGA1UECwwLRW5naW5lZXJpbmcxCzAJBgNVBAYTAlVTMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExHzAd
    BgNVBAoMFkFkdmFuY2VkIE1pY3JvIERldmljZXMxFzAVBgNVBAMMDlNFVi1WTEVLLVR1cmluMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIIC
    CgKCAgEApjrui4l0ZogEh0fDdVfJ4unowGGolk2wXyzjbjC/fnqlhFqiFj1JSKdkYSvzPVfgDR0MU2WLlytrAGqOHYBdk4Moz3xHTXJus75N
    ef0EBZpGk9M4PQGF+nTqYi+hDguq14wQUEltN9wGunnUeaMz0e6hfCasDevkypILMponvTvaM49RAipCvTgmPRTkQA8hjl3tA6R7S/HKTn6/
    Q3T74A0BfygK49LLkdHF05Wo0pZ9qmPyhi0Rh9epY0L+/T2e17fohWcCavgE+KF5GO5XINzunwKolCCyH3930iAmb1vv5v4PimnGsfH4ic4k
    IApR1hZApU3YG3qUE84qkb5SEASQsTZCT0Jv/AxC9So5h2wraVzWz6GvpPHEtRKvue5vehkwPjFipJMT5Z7CmNuXc+0lcVSZMHSbswFSHKKt
    p4F0UDoPnuIWw/djGDjkGXS9W5M2N3zVSbn94cJxCMzOTzILhcX/lJatooslfxvqucFH8PpS9xBMhuN4fTPlNk/oVbQ6w8pxEMibo0K8Q+gO
    qqzdVm6i7jotobsuYxH1Httjsc61vSskSDT4JkPjqTWiyOmsFI+6Ob/hya/fqpe0EPy68TPk85COC7uqNMzu58xb0uAtt0beejDx29mRRbiP
    NL5tnwK9KFmZDpeZWSZgzvn2K+SQTK80ZKn8Yq2SKfUCAwEAAaOBozCBoDAdBgNVHQ4EFgQUhcyC6bne81Yf2PT1B54XmiyCCNMwHwYDVR0j
    BBgwFoAUZKBfceMMCmTYO3XlAVmeK+4GA0QwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQQwOgYDVR0fBDMwMTAvoC2gK4Yp
    aHR0cHM6Ly9rZHNpbnRmLmFtZC5jb20vdmxlay92MS9UdXJpbi9jcmwwRgYJKoZIhvcNAQEKMDmgDzANBglghkgBZQMEAgIFAKEcMBoGCSqG
    SIb3DQEBCDANBglghkgBZQMEAgIFAKIDAgEwowMCAQEDggIBAH6VbG86NSqZ9yjcqVuBGCEYwK6uDBQQHbXmYJXVX81sPN9cclAs6J2yiHcy
    DFq1g7ICnHO0T36vcj3V/27x4o2pmjAk3SU0YbMl9pR+AMHZrIQQ7FTldVP9HdWYx/KenFF42EFCAtOzgs9yLkyTviwX+d3YrWX0SXLMcuf0
    TO5VsCPX5DqcggneHruZMVICGTukY12cKYmasT74cms5WLzcQ5BVbttJmX+eHW6vDg3hlmvUmjuTNQVoF5k5KcbHVV6VzG9SITLFozwdLSr5
    MbmfYHv7adLoNA5F1Ihff1it0sn5HktUD/2GVGtkXES/KFEnXzS7A9wUlMqAGQOsEBUhFcg3MUAt0SYnQ/B3JdV87+ZEawMRLxEIinKDERI/
    i+l9fw61+R5TpSI3yhuQ4NGJAQ97dRqiy8EdiJOLLeT2DYOvi9pSJw3UqNuelINDlDCjChGimRv5Idjh0zbT6IjzagYY0rpSHbPgiJWrI2dA
    3qeJDEiEXQ++v4WP10fq+Jr5FTXiIwNd+1VGxBizw184gLPnEoXv8br+YScnZjB8YW/oWsGuHz2kMTxOVT5Zizn3yVXvOpXFiwiavWQDJS52
    woXOwBzIyEdTPUL1E8s4KS2HQBzK1VfwvWcYNE5S0bAIMX1bYiEyJkr49+VLypQx5sIDU1cbVw3Py5XISUxr`,
};

/**
 * AWS Nitro Enclaves Root G1. SHA-256 of the DER: 641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b.
 * Published at https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip
 */
const NITRO_ROOT = `
  MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTELMAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoG
  A1UECwwDQVdTMRswGQYDVQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4MTQyODA1WjBJMQswCQYDVQQG
  EwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQLDANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEGBSuB
  BAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ
  3BABIeTPYwEoCWZEh8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkFR+eWw5b6cp3PmanfS5YwDgYDVR0P
  AQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYCMQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPWrfMCMQCi
  85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6NIwLz3/Y=`;

/** Runs once, at the first call. */
function once(make) {
  let made = null;
  return () => (made ??= make());
}

const compiledIn = (text) => Certificate.parse(unbase64(text.replace(/\s/g, "")));
const nitroRoot = once(() => compiledIn(NITRO_ROOT));
const amdCertificates = once(async () => ({
  roots: await Promise.all(Object.values(AMD_ROOTS).map(compiledIn)),
  intermediates: await Promise.all(Object.values(AMD_INTERMEDIATES).map(compiledIn)),
}));
