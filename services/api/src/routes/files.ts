import { THUMBNAIL_SIDES, type ThumbnailSide } from "@dunlin/domain";
import { attachment } from "@dunlin/engines/blobs";
import type { FileRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import type { Api } from "../api.js";
import { rangeOf } from "../http/range.js";
import { type Reply, route } from "../http/route.js";
import { fileId } from "./schemas.js";
import { who } from "./who.js";

const NAME_CHARS_MAX = 255;
const TOKEN_CHARS_MAX = 4_100;

/** A name, no path: what it is saved as is up to the receiver, but it should not be able to lead anywhere. */
const fileName = z
  .string()
  .min(1)
  .max(NAME_CHARS_MAX)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\u0000-\u001f\u007f/\\\u202a-\u202e\u2066-\u2069]*$/, "control characters, /, \\ and changes of direction are not allowed")
  .refine((name) => !/^\.*$/.test(name), "dots alone are no name")
  .meta({ example: "holiday.jpg" });

const fileView = z
  .object({
    id: z.string(),
    name: z.string(),
    size: z.int().meta({ description: "Bytes" }),
    type: z.string(),
    width: z.int().optional().meta({ description: "Of an image as it is shown, pixels" }),
    height: z.int().optional(),
    created_at: z.int().meta({ description: "When it was announced, ms since 1970" }),
  })
  .meta({ id: "File" });

const showFile = (file: FileRow): z.input<typeof fileView> => ({
  id: file.id,
  name: file.name,
  size: file.size,
  type: file.type,
  ...(file.width > 0 ? { width: file.width, height: file.height } : {}),
  created_at: file.createdAt,
});

/** Never shown in a page, whatever it says it is. */
const headersOf = ({ type, name }: Pick<FileRow, "type" | "name">): Record<string, string> => ({
  "Content-Type": type,
  "Content-Disposition": attachment(name),
  "Content-Security-Policy": "default-src 'none'; sandbox",
});

const tag = "Files";
const fileParameter = z.strictObject({ id: fileId });
const door = (api: Api) => {
  if (!api.ctx.blobs.door) throw new AppError("NOT_FOUND");
  return api.ctx.blobs.door;
};
const tokenParameter = z.strictObject({
  token: z
    .string()
    .max(TOKEN_CHARS_MAX)
    .regex(/^[\w-]+\.[\w-]+$/, "not a signed token"),
});

export const fileRoutes = [
  route({
    id: "createFile",
    method: "post",
    path: "/v1/files",
    tag,
    limit: "upload",
    summary: "Announce a file; then PUT its bytes to `upload_url` with the headers given, and complete it",
    who: "Every user.",
    bounds: "At most `IM_FILES_MAX_MB`, of `IM_FILES_TYPES`; it is removed when it is not sent within an hour",
    body: z
      .strictObject({
        name: fileName,
        size: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
        type: z.string().min(1).max(128).meta({ description: "One of the allowed types; the content must fit", example: "image/jpeg" }),
      })
      .meta({ id: "CreateFileRequest" }),
    statuses: [201],
    response: z
      .object({
        id: z.string(),
        upload_url: z.string().meta({ description: "Absolute, or a path on this API" }),
        headers: z.record(z.string(), z.string()).meta({ description: "To be sent with the upload" }),
        upload_until: z.int().meta({ description: "The upload must have begun by then, ms since 1970" }),
      })
      .meta({ id: "FileUpload" }),
    errors: ["FILE_TYPE_REFUSED", "FILE_TOO_LARGE", "FILES_FULL"],
    handler: async ({ uploads }, { claims, body }) => {
      const { id, uploadUrl, headers, uploadUntil } = await uploads.announce(claims.userId, body);
      return { data: { id, upload_url: uploadUrl, headers: { ...headers }, upload_until: uploadUntil } };
    },
  }),
  route({
    id: "completeFile",
    method: "post",
    path: "/v1/files/{id}/complete",
    tag,
    summary: "The bytes are up: they are checked, and the file may be sent. Sent within an hour, it stays",
    who: "Who has announced the file; to anybody else `FILE_NOT_FOUND`, whether there is such a file or not.",
    params: fileParameter,
    response: fileView,
    errors: ["FILE_NOT_FOUND", "FILE_NOT_UPLOADED", "FILE_DAMAGED", "FILE_TYPE_REFUSED", "FILE_TOO_LARGE"],
    handler: async ({ uploads }, { claims, params }) => ({ data: showFile(await uploads.complete(claims.userId, params.id)) }),
  }),
  route({
    id: "getFile",
    method: "get",
    path: "/v1/files/{id}",
    tag,
    summary: "A file's bytes, whole or one range, as an attachment; for its owner and whoever is shown it, in a message or as a picture",
    who: "The file's owner, who may see a message with it, and where it is a picture, members of its group, or who is not cut off from its user by a block; to anybody else `FILE_NOT_FOUND`, whether there is such a file or not.",
    params: fileParameter,
    statuses: [200, 206, 302],
    contentType: "application/octet-stream",
    response: z.unknown(),
    errors: ["FILE_NOT_FOUND", "RANGE_OUTSIDE"],
    handler: async ({ downloads, ctx }, { claims, params, range }): Promise<Reply<unknown>> => {
      const file = await downloads.find(claims.userId, params.id);
      if (ctx.config.IM_FILES_DOWNLOAD === "redirect") {
        return { status: 302, content: { headers: { Location: await downloads.signed(file), "Content-Length": 0 } } };
      }
      const part = rangeOf(range, file.size);
      const body = await downloads.open(file, part);
      const headers = { ...headersOf(file), "Accept-Ranges": "bytes" };
      if (!part) return { content: { headers: { ...headers, "Content-Length": file.size }, body } };
      const { start, end } = part;
      const partial = { "Content-Range": `bytes ${start}-${end}/${file.size}`, "Content-Length": end - start + 1 };
      return { status: 206, content: { headers: { ...headers, ...partial }, body } };
    },
  }),
  route({
    id: "getThumbnail",
    method: "get",
    path: "/v1/files/{id}/thumbnail",
    tag,
    summary: "An image made small: its longer side has `size` pixels at most",
    who: "The same as of the file itself; to anybody else `FILE_NOT_FOUND`, whether there is such a file or not.",
    params: fileParameter,
    query: z.strictObject({
      size: z
        .enum(THUMBNAIL_SIDES.map(String) as [string, ...string[]])
        .transform((text) => Number(text) as ThumbnailSide)
        .meta({ type: "integer", enum: [...THUMBNAIL_SIDES] }),
    }),
    contentType: "image/webp",
    response: z.unknown(),
    errors: ["FILE_NOT_FOUND", "FILE_TYPE_REFUSED", "FILE_DAMAGED"],
    handler: async ({ downloads }, { claims, params, query }): Promise<Reply<unknown>> => {
      const file = await downloads.find(claims.userId, params.id);
      const picture = await downloads.thumbnail(file, query.size);
      const headers = { ...headersOf({ type: "image/webp", name: `${file.id}.webp` }), "Content-Length": picture.length };
      // It never changes; who asks again has had the right to see it.
      return { content: { headers: { ...headers, "Cache-Control": "private, max-age=3600" }, body: picture } };
    },
  }),
  route({
    id: "uploadBlob",
    method: "put",
    path: "/v1/blobs/{token}",
    tag,
    summary: "Where `upload_url` leads when the blobs lie in a folder; the URL is the permission",
    who: who.urlHolder,
    bounds: "The size and type that were announced; the time that `IM_FILES_UPLOAD_S` gives",
    auth: false,
    params: tokenParameter,
    rawBody: true,
    response: z.object({}),
    errors: ["FORBIDDEN", "NOT_FOUND"],
    handler: async (api, { params, raw }) => {
      const late = setTimeout(() => raw.stream.destroy(new Error("the upload took too long")), api.ctx.config.IM_FILES_UPLOAD_S * 1000);
      try {
        await door(api).receive(params.token, { length: raw.length, type: raw.type, body: raw.stream });
      } finally {
        clearTimeout(late);
      }
      return { data: {} };
    },
  }),
  route({
    id: "downloadBlob",
    method: "get",
    path: "/v1/blobs/{token}",
    tag,
    summary: "Where a redirect of `GET /v1/files/{id}` leads when the blobs lie in a folder; the URL is the permission",
    who: who.urlHolder,
    auth: false,
    params: tokenParameter,
    contentType: "application/octet-stream",
    response: z.unknown(),
    errors: ["FORBIDDEN", "NOT_FOUND"],
    handler: async (api, { params }): Promise<Reply<unknown>> => {
      const { size, body, ...file } = await door(api).open(params.token);
      return { content: { headers: { ...headersOf(file), "Content-Length": size }, body } };
    },
  }),
];
