/** Imports point one way: cli -> app -> {api, domains, adapters, pipeline -> runtime} -> engine. */
const forbid = (name, from, to, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: from },
  to: { path: to },
});

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "^bun(:|$)" } },
    forbid("engine-alone", "^src/engine/", "^src/(?!engine/)", "the engine knows nothing but itself"),
    forbid(
      "domains-on-engine",
      "^src/domains/",
      "^src/(?!engine/|domains/)",
      "domains get clients handed in by app.ts",
    ),
    forbid("runtime-on-engine", "^src/runtime/", "^src/(?!engine/|runtime/)", "loops know ports only"),
    forbid("pipeline-on-runtime", "^src/pipeline/", "^src/(?!engine/|runtime/|pipeline/)", "stages know ports only"),
    forbid(
      "adapters-apart",
      "^src/adapters/",
      "^src/(api|cli|pipeline|runtime|stack|app|stages|server)",
      "adapters serve ports",
    ),
    forbid("adapters-not-each-other", "^src/adapters/([^/]+)/", "^src/adapters/(?!$1/)", "one adapter, one port"),
    forbid(
      "api-on-ports",
      "^src/api/",
      "^src/(adapters|cli|stack|app|stages|server)",
      "the server gets its ports handed in",
    ),
    forbid("stack-alone", "^src/stack/", "^src/(?!stack/)", "the local stack could be a package of its own"),
    forbid("nobody-imports-cli", "^src/(?!cli/)", "^src/cli/", "the command line is the outermost layer"),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    exclude: { path: "\\.test\\.ts$" },
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
