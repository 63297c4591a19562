import { integer, shape, type Answer, type Provider } from 'kestrel-kernel/providers'

/**
 * A whole provider: `heat.read` and `heat.set` for the rooms of a house, in degrees Celsius.
 *
 * The policy that it is used under decides who may do what; here stands only how it is done.
 *
 * @param rooms what the provider acts on; a real one would be a bus or a device
 */
export function thermostat(rooms: Map<string, number>): Provider {
  return {
    name: 'thermostat',
    actions: {
      'heat.read': {
        kind: 'observe',
        readResource: readRoom,
        checkParams: shape({}),
        perform: ({ resource }) => {
          const celsius = rooms.get(resource)
          return celsius === undefined ? noRoom(resource) : { effect: 'done', result: { celsius } }
        },
      },
      'heat.set': {
        kind: 'mutate',
        readResource: readRoom,
        checkParams: shape({ celsius: integer(5, 30) }),
        // For a dry run: how it would end. Nothing is set.
        foresee: ({ resource }) => (rooms.has(resource) ? undefined : noRoom(resource)),
        perform: ({ resource, params, signal }) => {
          if (signal.aborted) return failed('cancelled', 'it was cancelled before it began', true)
          const before = rooms.get(resource)
          if (before === undefined) return noRoom(resource)
          rooms.set(resource, Number(params['celsius']))
          return { effect: 'done', result: { before } }
        },
      },
    },
  }
}

/** `house/kitchen` and nothing else, so that a room has one spelling and a policy can say `house/*`. */
function readRoom(raw: string): { canonical: string } | { problem: string } {
  return /^house\/[a-z]{1,40}$/.test(raw) ? { canonical: raw } : { problem: 'name a room, as `house/kitchen`' }
}

function noRoom(room: string): Answer {
  return failed('no_room', `there is no \`${room}\``, false)
}

function failed(code: string, message: string, retryable: boolean): Answer {
  return { effect: 'none', error: { code, message, retryable } }
}
