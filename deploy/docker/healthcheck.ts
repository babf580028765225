/** The container's health check: exit 0 while the process answers, a stage on its health port, a page on its own. */
const { STREAM_HEALTH_PORT, STREAM_WEB_PORT } = process.env;
const ports = [STREAM_HEALTH_PORT, STREAM_WEB_PORT].filter(Boolean);
const asked = ports.map(async (port) => {
  if (!(await fetch(`http://127.0.0.1:${port}/healthz`)).ok) throw new Error(`${port} does not answer`);
});
const healthy = await Promise.any(asked).then(
  () => true,
  () => false,
);
process.exit(healthy ? 0 : 1);
