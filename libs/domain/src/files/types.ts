/** Looks at a file's first bytes (up to `HEAD_BYTES`). */
type Test = (head: Buffer) => boolean;

/** So many first bytes tell what a file is. */
export const HEAD_BYTES = 4_096;

const ascii = (text: string, at = 0): Test => {
  const bytes = Buffer.from(text, "latin1");
  return (head) => head.subarray(at, at + bytes.length).equals(bytes);
};
const any =
  (...tests: readonly Test[]): Test =>
  (head) =>
    tests.some((test) => test(head));
const all =
  (...tests: readonly Test[]): Test =>
  (head) =>
    tests.every((test) => test(head));

/** ISO base media (ISO/IEC 14496-12): a box `ftyp`, then the brand. */
const brand = (pattern: RegExp): Test => all(ascii("ftyp", 4), (head) => pattern.test(head.toString("latin1", 8, 12)));
/** RIFF: "RIFF", a length, the form. */
const riff = (form: string): Test => all(ascii("RIFF"), ascii(form, 8));
const zip = any(ascii("PK\x03\x04"), ascii("PK\x05\x06"));
const ebml = ascii("\x1a\x45\xdf\xa3");
/** An MPEG audio frame's first 11 bits are set; the two after tell the version, then the layer (0: ADTS, else MPEG 1 to 3). */
const mpegFrame =
  (adts: boolean): Test =>
  (head) => {
    const second = head[1] ?? 0;
    return head[0] === 0xff && (second & 0xe0) === 0xe0 && (second & 0x18) !== 0x08 && ((second & 0x06) === 0) === adts;
  };

/** UTF-8 without control characters but tab, line ends and page end; the last character may be cut. */
const text: Test = (head) => {
  const decoded = new TextDecoder("utf-8", { fatal: true });
  try {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return !/[\u0000-\u0008\u000b\u000e-\u001f]/.test(decoded.decode(head, { stream: head.length >= HEAD_BYTES }));
  } catch {
    return false;
  }
};

/**
 * The types files may have, and how each is told by its content. SVG and HTML are none of them: a browser runs them.
 * Whatever is allowed, files are only ever served as attachments, under the type they were accepted with.
 */
const tests = {
  "image/png": ascii("\x89PNG\r\n\x1a\n"),
  "image/jpeg": ascii("\xff\xd8\xff"),
  "image/gif": any(ascii("GIF87a"), ascii("GIF89a")),
  "image/webp": riff("WEBP"),
  "image/avif": brand(/^avi[fs]/),
  "video/mp4": brand(/^(?!qt|M4A|avi|hei|mif)/),
  "video/quicktime": any(brand(/^qt/), ascii("moov", 4), ascii("mdat", 4), ascii("wide", 4)),
  "video/webm": ebml,
  "audio/webm": ebml,
  "audio/mpeg": any(ascii("ID3"), mpegFrame(false)),
  "audio/aac": mpegFrame(true),
  "audio/mp4": brand(/^(M4A|mp4|iso|3gp|dash)/),
  "audio/ogg": ascii("OggS"),
  "audio/wav": riff("WAVE"),
  "audio/amr": ascii("#!AMR"),
  "audio/flac": ascii("fLaC"),
  "application/pdf": ascii("%PDF-"),
  "application/zip": zip,
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": zip,
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": zip,
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": zip,
  "application/gzip": ascii("\x1f\x8b"),
  "application/x-7z-compressed": ascii("7z\xbc\xaf\x27\x1c"),
  "application/json": text,
  "text/csv": text,
  "text/markdown": text,
  "text/plain": text,
  "application/octet-stream": () => true,
} satisfies Record<string, Test>;

export type FileType = keyof typeof tests;

export const fileTypes = Object.keys(tests) as [FileType, ...FileType[]];

/** Whether a file that begins so may be of that type. */
export const looksLike = (type: string, head: Buffer): boolean => (Object.hasOwn(tests, type) ? tests[type as FileType](head) : false);

export const isImageType = (type: string): boolean => type.startsWith("image/");
