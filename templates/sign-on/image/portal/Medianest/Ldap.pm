package Medianest::Ldap;

# Users of the operator's LDAP (RFC 4511). Who signs in has a row among the users, a copy of what LDAP says: roles, factors, sessions and
# tokens are looked up there like those of others. The password is never kept. What cannot be told is an exception, never "not there".
use strict;
use warnings;
use Encode qw(decode encode);
use Medianest::Servers;

use constant { MARK => '!ldap', SECONDS => 8, CONNECT_SECONDS => 5, AWAY_SECONDS => 10 };
use constant { NO_SUCH_OBJECT => 32, INVALID_CREDENTIALS => 49 };
# Limits of a search: of the server's, and of its administrator.
my @TOO_MANY = ( 4, 11 );
use constant AWAY_FILE => '/run/sign-on/ldap-away';

# @returns undefined where there is none @throws where that cannot be told
sub settings { return Medianest::Servers::settings( 'ldap', 'bindDn' ) }

# A name as the table of users takes it; what is spelled otherwise is no user of LDAP, so that one person has one name here.
sub may_be_user { my ($login) = @_; return ( $login // '' ) =~ /\A[a-z0-9][a-z0-9._-]{0,62}\z/ }

# What LDAP does not tell of one user, although it answers. @throws it
sub unclear { die "LDAP does not tell: $_[0]\n" }
sub is_unclear { return $_[0] =~ /\ALDAP does not tell: / }

# Runs work with a connection on which the search account is bound. A server that was away is not asked again for some seconds: each request
# would wait for it. The page of a sign-in asks twice, and the edge waits 20 s for it.
# @throws why it cannot be asked
sub ask {
    my ($work) = @_;
    my $since = ( stat AWAY_FILE )[9];

    # The clock may have been set back.
    die "LDAP was away a moment ago\n" if defined $since && abs( time - $since ) < AWAY_SECONDS;
    my $slot = Medianest::Servers::slot('LDAP');
    my ( $ldap, $result );
    my $done = eval {
        local $SIG{ALRM} = sub { die "LDAP does not answer in time\n" };
        local $SIG{PIPE} = 'IGNORE';
        alarm SECONDS;
        $ldap   = connected();
        $result = $work->($ldap);
        alarm 0;
        1;
    };
    my $why = $@;
    alarm 0;
    eval { $ldap->disconnect } if $ldap;
    if ( $done || is_unclear($why) ) {
        Medianest::Servers::note( 'ldap', undef ) if unlink AWAY_FILE;
        return $result if $done;
        die $why;
    }
    Medianest::Servers::note( 'ldap', decode( 'UTF-8', $why =~ s/\s+/ /gr =~ s/ \z//r ) );
    if ( open my $file, '>', AWAY_FILE ) { close $file }
    die $why;
}

sub connected {
    require Net::LDAP;
    require IO::Socket::SSL;
    my $own = settings();
    my $name = $own->{host};
    my %tls = ( verify => 'require', sslserver => $name, $own->{ca} ? ( cafile => $own->{ca} ) : ( capath => '/etc/ssl/certs' ) );
    IO::Socket::SSL::set_client_defaults( SSL_hostname => $name ) unless $name =~ /\A[\d.]+\z|:/;
    my $implicit = $own->{tls} eq 'implicit';
    my $where = sprintf '%s://%s:%d', $implicit ? 'ldaps' : 'ldap', $own->{connect}{host}, $own->{connect}{port};
    my $ldap = Net::LDAP->new( $where, timeout => CONNECT_SECONDS, ( $implicit ? %tls : () ) ) or die reason($@);
    if ( !$implicit ) {
        my $secured = $ldap->start_tls(%tls);
        die reason( $secured->error ) if $secured->code;
    }
    my $bound = defined $own->{bindDn} ? $ldap->bind( encode( 'UTF-8', $own->{bindDn} ), password => encode( 'UTF-8', $own->{password} ) ) : $ldap->bind;
    die "LDAP refuses the search account or its password\n" if $bound->code == INVALID_CREDENTIALS;
    die 'LDAP lets the search account not in (' . $bound->code . ")\n" if $bound->code;
    return $ldap;
}

sub reason {
    my ($error) = @_;
    return "LDAP’s certificate is for another name\n" if $error =~ /hostname verification/;
    return "LDAP’s certificate is not trusted\n"      if $error =~ /certificate verify failed/;

    # Also where the container on the way ends the connection, because it has not reached LDAP.
    return "LDAP cannot be reached\n"           if $error =~ /eof|reset|refused|broken|timeout/i;
    return "LDAP does not speak TLS as asked\n" if $error =~ /SSL|TLS|unsupported|operation/i;
    return "LDAP cannot be reached\n";
}

sub with_values {
    my ( $filter, %values ) = @_;
    require Net::LDAP::Util;
    return encode( 'UTF-8', $filter ) =~ s/\{(\w+)\}/exists $values{$1} ? Net::LDAP::Util::escape_filter_value( $values{$1} ) : "{$1}"/ger;
}

sub search {
    my ( $ldap, $filter, @attributes ) = @_;
    my $found = $ldap->search(
        base   => encode( 'UTF-8', settings()->{baseDn} ),
        scope  => 'sub',
        filter => $filter,
        attrs  => \@attributes,
        timelimit => SECONDS
    );
    die "there is no signOn.ldap.baseDn in LDAP\n" if $found->code == NO_SUCH_OBJECT;
    if ( my $code = $found->code ) {
        unclear("a search finds too many entries ($code)") if grep { $code == $_ } @TOO_MANY;
        die "LDAP refuses to search ($code)\n";
    }
    return $found->entries;
}

# Whole names as they are compared: upper and lower case, spaces and escapes make no difference.
sub canonical {
    my ($name) = @_;
    require Net::LDAP::Util;
    return lc decode( 'UTF-8', Net::LDAP::Util::canonical_dn( $name, casefold => 'lower' ) // $name );
}

# @param $ldap a connection @param $login a name that may be one
# @returns {dn, login, name, email, groups, id}; undefined where there is no such user
sub find {
    my ( $ldap, $login ) = @_;
    my $own = settings();
    my ( $named, $mailed ) = @$own{qw(nameAttribute emailAttribute)};
    my @ids = qw(entryUUID objectGUID nsUniqueId);
    my @entries = search( $ldap, with_values( $own->{userFilter}, login => $login ), $named, $mailed, 'memberOf', @ids );
    return unless @entries;
    unclear("there are several entries for $login") if @entries > 1;
    my $entry = $entries[0];
    my $dn    = $entry->dn;
    my ($id) = grep { defined && length } map { scalar $entry->get_value($_) } @ids;
    my ( $name, $email ) = map { decode( 'UTF-8', scalar( $entry->get_value($_) ) // '' ) } $named, $mailed;
    my @dns = ( ( $entry->get_value('memberOf') ), map { $_->dn } search( $ldap, with_values( $own->{groupFilter}, dn => $dn, login => $login ), 'cn' ) );
    return {
        dn     => $dn,
        login  => $login,
        name   => $name =~ /\A\P{C}{1,200}\z/                                            ? $name  : $login,
        email  => $email =~ /\A[^\s\@\p{C}]{1,64}\@[^\s\@\p{C}]{1,190}\z/                ? $email : '',
        groups => groups_of(@dns),
        id     => ( $id // encode( 'UTF-8', canonical($dn) ) ) =~ s/([^\x21-\x7e])/sprintf '%%%02x', ord $1/ger,
    };
}

# Our groups of who is in those, by their whole name or their first part: `cn=admins,...` is `admins`.
sub groups_of {
    my @dns = @_;
    my $own = settings();
    my %given;
    for my $key ( keys %{ $own->{groups} } ) { $given{ lc $key } = $given{ canonical( encode( 'UTF-8', $key ) ) } = $own->{groups}{$key} }
    my %has = map { $_ => 1 } @{ $own->{everyone} };
    for my $dn ( map { canonical($_) } @dns ) {
        my ($cn) = $dn =~ /\Acn=((?:[^,\\]|\\.)+)/;
        $has{$_} = 1 for map { @{ $given{$_} || [] } } $dn, $cn // '';
    }
    return join ',', sort keys %has;
}

# Whether this is the password of the entry. @throws where LDAP cannot be asked
sub proves {
    my ( $dn, $password ) = @_;

    # LDAP takes a bind without a password for an anonymous one, and says yes (RFC 4513, 5.1.2).
    return 0 unless length( $password // '' );

    # The engine has the bytes that a form has sent.
    utf8::encode($password) if utf8::is_utf8($password);
    return ask(
        sub {
            my ($ldap) = @_;
            my $bound = $ldap->bind( $dn, password => $password );
            return 1 unless $bound->code;
            return 0 if $bound->code == INVALID_CREDENTIALS;

            # The entry has no password, is locked or is gone.
            return 0 if grep { $bound->code == $_ } 19, 32, 48, 50, 53;
            die 'LDAP cannot check a password (' . $bound->code . ")\n";
        }
    );
}

# Brings the copy in line, and ends sessions that began with other groups.
# @returns whether the entry may sign in by this name: not where there are no groups, the name is of a local user or of another entry, or the
# entry has another name here
sub store {
    my ( $dbh, $found ) = @_;
    my $before = $dbh->selectrow_hashref( 'SELECT groups, source, external_id FROM users WHERE login = ?', undef, $found->{login} );
    return 0 if $before && ( $before->{source} ne 'ldap' || $before->{external_id} ne $found->{id} );
    return 0 unless $before || $found->{groups} ne '';
    if ( !$before ) {
        my ($other) = $dbh->selectrow_array( 'SELECT login FROM users WHERE external_id = ?', undef, $found->{id} );
        if ( defined $other ) {
            my $why = "$found->{login} is the entry that is $other here: `medianest users remove $other` lets it in by its other name";
            Medianest::Servers::event( 'LDAP_OTHER_NAME', $why, user => $found->{login} );
            return 0;
        }
    }
    $dbh->do( <<'SQL', undef, @$found{qw(login name email groups)}, MARK, $found->{id} );
INSERT INTO users (login, name, email, groups, password, source, external_id) VALUES (?, ?, ?, ?, ?, 'ldap', ?)
ON CONFLICT (login) DO UPDATE SET name = excluded.name, email = excluded.email, groups = excluded.groups, version = users.version + 1
WHERE users.external_id = excluded.external_id AND (users.name, users.email, users.groups) IS DISTINCT FROM (excluded.name, excluded.email, excluded.groups)
SQL
    end_sessions( $dbh, $found->{login} ) if $before && $before->{groups} ne $found->{groups};
    my ($now) = $dbh->selectrow_array( 'SELECT external_id FROM users WHERE login = ?', undef, $found->{login} );
    return defined $now && $now eq $found->{id} && $found->{groups} ne '';
}

sub end_sessions {
    my ( $dbh, $login ) = @_;
    return $dbh->do( q{DELETE FROM sessions WHERE a_session ->> '_whatToTrace' = ?}, undef, $login ) + 0;
}

1;
