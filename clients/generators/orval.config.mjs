// Two clients of orval: for axios, its default, and for fetch. Of the bodies of an import, orval can send the form.
const contentType = { include: ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"] };

export default Object.fromEntries(
    ["axios", "fetch"].map((client) => [
        client,
        {
            input: "../../docs/openapi.json",
            output: { target: `generated/orval-${client}.ts`, client, override: { contentType } },
        },
    ]),
);
