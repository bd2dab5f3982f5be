'use strict'

// webpack-dev-server: its messages to a client of `ws`, and a page in Chromium that it updates.

const { describeInChromium } = require('../integration/browser/chromium')
const { connect, receive } = require('./support/clients')
const { isMarked, mark } = require('./support/page')
const { Project } = require('./support/project')
const { startServer } = require('./support/server')

const PAGE = '<!doctype html><meta charset="utf-8"><body><script src="main.js"></script></body>'
const ACCEPT = `
module.hot.accept('./text.js', () => { document.body.textContent = text })
`

const MODES = [
  ['offloop in the place of ws', { replaceWs: true }],
  ['a class as its webSocketServer', { settings: { own: true } }]
]

/**
 * Starts the server for a new project.
 *
 * @param {object} mode
 * @returns {Promise<{project: Project, server: object}>}
 */
async function start({ replaceWs, settings }) {
  const project = new Project(PAGE, ACCEPT)
  const server = await startServer('webpack-dev-server', { replaceWs, settings: { ...settings, folder: project.folder } })
  return { project, server }
}

/**
 * Waits until the server has said that a build is done.
 *
 * @param {object} client
 * @returns {Promise<string[]>} the types of its messages until then
 */
async function typesUntilBuilt(client) {
  const types = []
  while (types.at(-1) !== 'ok') types.push(JSON.parse(await receive(client)).type)
  return types
}

test.each(MODES)('tells its clients of each build, with %s', async (_, mode) => {
  const { project, server } = await start(mode)
  const client = await connect(`${server.ws}/ws`, [], { origin: server.http })
  await server.expectConnection()
  expect(await typesUntilBuilt(client)).toEqual(expect.arrayContaining(['hot', 'liveReload', 'hash', 'ok']))
  project.say('second')
  expect(await typesUntilBuilt(client)).toEqual(expect.arrayContaining(['invalid', 'hash', 'ok']))
  expect(await (await fetch(`${server.http}/main.js`)).text()).toContain('second')
  await server.close()
  expect((await client.closed).code).toBe(1006)
})

describeInChromium('webpack-dev-server with Chromium', (openPage) => {
  test.each(MODES)('updates its page in place, with %s', async (_, mode) => {
    const { project, server } = await start(mode)
    const page = await openPage(server.http)
    await page.getByText('first').waitFor()
    await server.expectConnection()
    await page.evaluate(mark)
    project.say('second')
    await page.getByText('second').waitFor()
    expect(await page.evaluate(isMarked)).toBe(true)
  })
})
